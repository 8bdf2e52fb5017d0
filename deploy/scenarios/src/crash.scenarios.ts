import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ScriptedUpstream } from '@sluice/testkit';
import { callsWith } from './audited-call.ts';
import { eventually, type House } from './house.ts';
import { addModel, removeModel } from './scripted-model.ts';
import { dayLimit } from './survivors/day-limit.ts';
import { STREAMS, everyChannel } from './survivors/every-channel.ts';
import { maskedStreams } from './survivors/masked-streams.ts';
import { money } from './survivors/money.ts';
import type { Look, Survivor } from './survivors/survivor.ts';

/** Latest moment of a kill after all is under way, in milliseconds. */
const KILL_WITHIN_MS = 1500;
const KILL_LIMIT_MS = 240_000;

/** A house of many processes takes long to come back, so all that must be found again goes through the same two kills, the many streams begun last. */
const KILLS: readonly { readonly what: string; readonly eventLog: boolean; readonly survivors: readonly Survivor[] }[] = [
  { what: 'everything', eventLog: false, survivors: [dayLimit, maskedStreams, everyChannel] },
  { what: 'everything, with the server of the event log', eventLog: true, survivors: [money, everyChannel] },
];

/** `moreKills`: how often everything is killed besides, every second time with the event log. */
export function crashScenarios(at: () => House, moreKills: number): void {
  describe.each(KILLS)('kill -9 of $what', ({ eventLog, survivors }) => {
    const upstreams = new Map<Survivor, ScriptedUpstream>();
    let looks: ReadonlyMap<Survivor, Look>;

    beforeAll(async () => {
      for (const survivor of survivors) {
        const upstream = await ScriptedUpstream.start();
        upstreams.set(survivor, upstream);
        await addModel(at(), upstream, survivor.model);
      }
      looks = await kill(at(), upstreams, eventLog);
    }, KILL_LIMIT_MS);
    afterAll(async () => {
      const ends = [...upstreams].map(async ([{ model }, upstream]) => removeModel(at(), model).finally(() => upstream[Symbol.asyncDispose]()));
      // All of them: an open server would keep the tests from ending.
      await Promise.allSettled(ends);
      await Promise.all(ends);
    });

    it.each(survivors)('$name', async (survivor) => looks.get(survivor)!(), KILL_LIMIT_MS);
    it('leaves no call open, and a log that verifies', async () => isWhole(at()), KILL_LIMIT_MS);
  });

  if (moreKills === 0) return;
  it(`kill -9 of everything in the middle of ${STREAMS} streams, ${moreKills} times more, at any moment: the audit holds every character that a client received`, async () => {
    await using upstream = await ScriptedUpstream.start();
    await addModel(at(), upstream, everyChannel.model);
    for (let round = 0; round < moreKills; round++) {
      const looks = await kill(at(), new Map([[everyChannel, upstream]]), round % 2 === 1);
      for (const look of looks.values()) await look();
      await isWhole(at());
    }
    await removeModel(at(), everyChannel.model);
  }, 1_200_000);
}

/** Kills a house in which all of these are under way, and starts it again. */
async function kill(house: House, upstreams: ReadonlyMap<Survivor, ScriptedUpstream>, eventLog: boolean): Promise<ReadonlyMap<Survivor, Look>> {
  const begins = [];
  for (const [survivor, upstream] of upstreams) begins.push({ survivor, begin: await survivor.prepare(house, upstream, survivor.model) });
  const looks = new Map<Survivor, Look>();
  // One after the other: fifty streams that begin at once would keep the others from beginning.
  for (const { survivor, begin } of begins) looks.set(survivor, await begin());
  await new Promise((resolve) => setTimeout(resolve, Math.random() * KILL_WITHIN_MS));
  await house.kill({ eventLog });
  await house.start();
  return looks;
}

async function isWhole(house: House): Promise<void> {
  await eventually(async () => (await callsWith(house, 'running')).length === 0);
  // Consistent with the checkpoint that the time before remembered, every leaf counted once.
  expect(await house.command('audit', 'verify')).toMatchObject({ code: 0 });
}
