import { beforeAll, describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, chunk, wholeChat, type Script } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import type { House } from './house.ts';
import { MESSAGES, addModel, removeModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';

/** All of them wait at the same time; on a busy machine the longest wait is half a minute. */
const WAITS_LIMIT_MS = 120_000;
const SILENCE: Script = { before: new Promise(() => undefined), steps: [] };

interface Wait {
  readonly name: string;
  readonly model: string;
  play(house: House, upstream: ScriptedUpstream, model: string): Promise<void>;
}

const WAITS: readonly Wait[] = [
  {
    name: 'says nothing is given up and hears of it: a 504 before the first token', model: 'says-nothing',
    async play(house, upstream, model) {
      upstream.next(SILENCE);
      const silent = new StreamReader(house, { model, messages: MESSAGES });
      await silent.ended;
      expect(silent.status).toBe(504);
      await (await upstream.received(0)).clientLeft;
    },
  },
  {
    name: 'says nothing more is given up and hears of it: an error event after the first token', model: 'says-no-more',
    async play(house, upstream, model) {
      upstream.next({ steps: [{ event: chunk({ role: 'assistant', content: 'half' }) }, { stall: true }] });
      const stopped = new StreamReader(house, { model, messages: MESSAGES });
      await stopped.ended;
      expect({ text: stopped.text, done: stopped.done, code: stopped.error?.code }).toEqual({ text: 'half', done: false, code: 'upstream_timeout' });
      await (await upstream.received(0)).clientLeft;
      expect(await endedCall(house, stopped.id!)).toMatchObject({ status: 'failed', error_code: 'upstream_timeout', choices: [{ content: 'half' }] });
    },
  },
  {
    name: 'never gives the rest of an answer that is not streamed is given up and hears of it: the client gets a 504', model: 'gives-half',
    async play(house, upstream, model) {
      // Half an answer is none.
      upstream.next({ headers: { 'content-type': 'application/json' }, steps: [{ raw: '{"choices":[{"index":0,"message":{"content":"half' }, { stall: true }] });
      const alone = await ask(house, { model });
      expect([alone.status, alone.error.code]).toEqual([504, 'upstream_timeout']);
      await (await upstream.received(0)).clientLeft;
      expect(await endedCall(house, alone.id)).toMatchObject({ status: 'failed', http_status: 504, error_code: 'upstream_timeout', choices: [] });
    },
  },
  {
    name: 'never gives an answer that is not streamed is given up and hears of it: another answers if there is one', model: 'gives-nothing',
    async play(house, upstream, model) {
      await using second = await ScriptedUpstream.start();
      await addModel(house, second, model);
      upstream.always(SILENCE);
      // Held until the silent one was asked, so that of two calls one goes there.
      second.always({ ...wholeChat(), before: upstream.received(0) });
      // One process counts both, and gives one to each backend.
      const door = house.doors[0]!;
      const answers = await Promise.all([0, 1].map(() => ask(house, { model }, { door })));
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      for (const { body } of answers) expect(body).toMatchObject({ choices: [{ message: { content: 'The answer is 42.' } }] });
      await (await upstream.received(0)).clientLeft;
    },
  },
];

/** Backends that keep their clients waiting, each with a model of its own. */
export function silentBackendScenarios(at: () => House): void {
  describe('a backend that', () => {
    let ends: readonly PromiseSettledResult<void>[];

    beforeAll(async () => {
      ends = await Promise.allSettled(WAITS.map(async ({ model, play }) => {
        await using upstream = await ScriptedUpstream.start();
        await addModel(at(), upstream, model);
        await play(at(), upstream, model);
        await removeModel(at(), model);
      }));
    }, WAITS_LIMIT_MS);

    it.each(WAITS.map(({ name }, index) => ({ name, index })))('$name', ({ index }) => {
      const end = ends[index]!;
      if (end.status === 'rejected') throw end.reason;
    });
  });
}
