import { describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, chunk, type Script, type Step } from '@sluice/testkit';
import { callsWith, endedCall } from './audited-call.ts';
import { Channels } from './channels.ts';
import { eventually, type House } from './house.ts';
import { MODEL, addModel, removeModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';

const ROUNDS = 20;
const STREAMS = 50;
const PIECES = 4000;
/** Latest moment of a kill after the first token, in milliseconds. */
const KILL_WITHIN_MS = 1500;

export function crashScenarios(at: () => House): void {
  describe('kill -9', () => {
    it(`of everything in the middle of ${STREAMS} streams, ${ROUNDS} times: the audit holds every character that a client received`, async () => {
      await using upstream = await ScriptedUpstream.start();
      await addModel(at(), upstream);
      for (let round = 0; round < ROUNDS; round++) await killInMidStream(at(), upstream, round);
      await removeModel(at());
    }, 1_200_000);
  });
}

/** An endless answer that uses every channel, of two choices; the text names its stream, so that none is taken for another. An emoji comes cut in two. */
function everyChannel(name: string): Script {
  const steps: Step[] = [];
  for (let index = 0; index < PIECES; index++) {
    const text = ` ${name}.${index}`;
    const logprobs = { content: [{ token: text, logprob: -index / 7, bytes: null, top_logprobs: [] }] };
    const deltas = [
      chunk({ content: text }, { logprobs }), chunk({ content: text }, { index: 1 }), chunk({ reasoning_content: text }), chunk({ refusal: text }, { index: 1 }),
      chunk({ tool_calls: [{ index: 0, ...(index < 5 ? { id: `call_${name}`, type: 'function' } : {}), function: { ...(index < 5 ? { name: 'f' } : {}), arguments: text } }] }),
      chunk({ content: '\ud83d' }), chunk({ content: '\ude00' }),
    ];
    steps.push({ gapMs: 3 }, { event: deltas[index % deltas.length]! });
  }
  return { steps };
}

async function killInMidStream(house: House, upstream: ScriptedUpstream, round: number): Promise<void> {
  upstream.always((request) => everyChannel(/stream \d+/.exec(request.body.toString())?.[0] ?? 'stream'));
  const readers = Array.from({ length: STREAMS }, (_, index) => new StreamReader(house, { model: MODEL, messages: [{ role: 'user', content: `stream ${index}` }], n: 2, logprobs: true }));
  await readers[0]!.characters(1);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * KILL_WITHIN_MS));
  await house.kill({ eventLog: round % 2 === 1 });
  await Promise.all(readers.map(({ ended }) => ended));
  await house.start();

  const answered = readers.filter(({ received }) => !received.isEmpty);
  expect({ round, statuses: [...new Set(readers.map(({ status }) => status))], someAnswered: answered.length > 0 }).toMatchObject({ round, someAnswered: true });
  for (const reader of answered) {
    const call = await endedCall(house, reader.id!);
    expect({ round, missing: reader.received.missingIn(Channels.ofRecord(call)), status: call.status }).toEqual({ round, missing: [], status: 'abandoned' });
  }
  await eventually(async () => (await callsWith(house, 'running')).length === 0);
  // Consistent with the checkpoint that the round before remembered, every leaf counted once.
  expect(await house.command('audit', 'verify')).toMatchObject({ code: 0 });
}
