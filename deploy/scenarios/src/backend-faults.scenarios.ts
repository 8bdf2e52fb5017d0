import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, chunk, errorEnvelope, htmlPage, streamedChat, wholeChat, type Script } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { admin, eventually, type House } from './house.ts';
import { MESSAGES, MODEL, addModel, removeModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';

/** Two attempts that run out of their time, and what is around them on a busy machine. */
const STALL_LIMIT_MS = 60_000;

/** Answers that begin well and end badly. */
const BROKEN: readonly [name: string, script: Script][] = [
  // The gap lets the first piece be read: a reset throws away what still lies in the receiver's buffer.
  ['resets the connection', { steps: [{ event: chunk({ role: 'assistant', content: 'half' }) }, { gapMs: 100 }, { reset: true }] }],
  ['sends half an event', { steps: [{ event: chunk({ role: 'assistant', content: 'half' }) }, { raw: 'data: {"id":"x","cho' }, { close: true }] }],
  ['sends what is not JSON', { steps: [{ event: chunk({ role: 'assistant', content: 'half' }) }, { event: 'rubbish' }] }],
  ['reports an error in the stream', { steps: [{ event: chunk({ role: 'assistant', content: 'half' }) }, { event: { error: { message: 'boom', type: 'server_error', code: null } } }] }],
  ['ends without a reason', { steps: [{ event: chunk({ role: 'assistant', content: 'half' }) }] }],
];

/** Ways to fail before anything of an answer was sent. */
const DOWN: readonly [name: string, bringDown: (upstream: ScriptedUpstream) => Promise<void>][] = [
  ['answers with 500', async (upstream) => upstream.always(errorEnvelope(500))],
  ['refuses connections', (upstream) => upstream.stop()],
  ['cuts the connection', async (upstream) => upstream.always(() => {
    throw new Error('cut before the head');
  })],
];
/** At the same time: with one of them at the other backend, the next one goes to the one that is down. */
const TAKEN_OVER = 2;

/** The least that the setting takes: what one answer may have. */
export const WHOLE_ANSWERS_LIMIT_BYTES = 32 * 2 ** 20;

export function backendFaultScenarios(at: () => House): void {
  describe('a backend', () => {
    let upstream: ScriptedUpstream;
    let deploymentId: string;

    beforeEach(async () => {
      upstream = await ScriptedUpstream.start();
      deploymentId = await addModel(at(), upstream);
    });

    afterEach(async () => {
      await removeModel(at());
      await upstream[Symbol.asyncDispose]();
    });

    it.each(DOWN)('that %s before the first byte is passed over: another answers, and the record says which one', async (_name, bringDown) => {
      await using second = await ScriptedUpstream.start();
      const answering = await addModel(at(), second);
      await bringDown(upstream);
      second.always({ ...streamedChat(), before: second.received(TAKEN_OVER - 1) });
      const readers = Array.from({ length: TAKEN_OVER }, () => new StreamReader({ url: at().doors[0]!, apiKey: at().apiKey }, { model: MODEL, messages: MESSAGES }));
      for (const reader of readers) {
        await reader.ended;
        expect({ status: reader.status, text: reader.text, done: reader.done }).toEqual({ status: 200, text: 'The answer is 42.', done: true });
        expect(await endedCall(at(), reader.id!)).toMatchObject({ status: 'answered', deployment_id: answering, choices: [{ content: 'The answer is 42.' }] });
      }
      expect(second.requests.length).toBe(TAKEN_OVER);
      // The one that is down was asked, or is known to be away.
      await eventually(async () => {
        const { body } = await admin<{ data: { deployment_id: string; reason: string }[] }>(at(), 'GET', '/backends');
        return upstream.requests.length > 0 || body.data.some((backend) => backend.deployment_id === deploymentId && backend.reason !== '');
      });
    }, STALL_LIMIT_MS);

    it('outside of the house that was asked in vain stands on record, also when the client left before anything came', async () => {
      await using outside = await ScriptedUpstream.start();
      const external = await addModel(at(), outside, 'outside', { external: true });
      outside.next(errorEnvelope(500));
      const refused = await ask(at(), { model: 'outside' });
      const asked = { type: 'attempt', deployment_id: external, external: true };
      expect(await endedCall(at(), refused.id)).toMatchObject({ status: 'failed', deployment_id: external, events: [{ ...asked, error_code: null }, { ...asked, error_code: 'upstream_error' }] });
      outside.next({ before: new Promise(() => undefined), steps: [] });
      const leaving = new StreamReader(at(), { model: 'outside', messages: MESSAGES });
      const { clientLeft } = await outside.received(1);
      leaving.leave();
      await clientLeft;
      const left = await eventually(async () => {
        const { body } = await admin<{ data: { id: string; model: string }[] }>(at(), 'GET', '/audit/calls?status=disconnected');
        return body.data.find(({ model }) => model === 'outside');
      });
      expect(await endedCall(at(), left.id)).toMatchObject({ deployment_id: external, events: [{ ...asked, error_code: null }] });
      await removeModel(at(), 'outside');
    }, STALL_LIMIT_MS);

    it.each(BROKEN)('that %s after the first byte ends the stream with one honest error, audited', async (_name, script) => {
      upstream.next(script);
      const reader = new StreamReader(at(), { model: MODEL, messages: MESSAGES });
      await reader.ended;
      expect(reader.done).toBe(false);
      expect(reader.error).toMatchObject({ type: 'server_error' });
      expect(reader.text).toBe('half');
      expect(await endedCall(at(), reader.id!)).toMatchObject({ status: 'failed', error_code: 'upstream_error', choices: [{ content: 'half' }] });
    });

    it.each([['a web page', htmlPage(200)], ['a broken gateway', htmlPage(502)], ['an empty body', { steps: [] } as Script]])('that answers with %s gives a 502 in the usual envelope', async (_name, script) => {
      upstream.always(script);
      const answer = await ask(at());
      expect(answer.status).toBe(502);
      expect(await endedCall(at(), answer.id)).toMatchObject({ status: 'failed', http_status: 502 });
    });

    it('that sends more of whole answers than may be held is told to stop: one client gets a 503 and may try again, the others their answers', async () => {
      const gate = Promise.withResolvers<void>();
      const large: Script = { headers: { 'content-type': 'application/json' }, steps: [{ repeat: ' '.repeat(2 ** 20), times: (0.75 * WHOLE_ANSWERS_LIMIT_BYTES) / 2 ** 20 }, { wait: gate.promise }, ...wholeChat().steps] };
      upstream.next(large, large);
      // The room belongs to a process.
      const door = at().doors[0]!;
      const answers = await Promise.all([0, 1].map(() => ask(at(), {}, { door }).finally(gate.resolve)));
      const [fine, over] = answers.sort((a, b) => a.status - b.status);
      expect(fine).toMatchObject({ status: 200, body: { choices: [{ message: { content: 'The answer is 42.' } }] } });
      expect({ status: over!.status, code: over!.error.code, retryAfter: over!.headers.get('retry-after') }).toEqual({ status: 503, code: 'server_is_overloaded', retryAfter: '1' });
      expect(await endedCall(at(), over!.id)).toMatchObject({ status: 'failed', http_status: 503, error_code: 'overloaded', choices: [] });
      expect(await ask(at())).toMatchObject({ status: 200 });
    });

    it('that refuses the request is heard: its own status, type, code and param reach the client, and all of it is on record and proven', async () => {
      upstream.next(errorEnvelope(422, { message: 'No such voice.', type: 'invalid_request_error', code: 'bad_voice', param: 'audio.voice' }));
      const answer = await ask(at(), { seed: 7 });
      expect(answer.status).toBe(422);
      const error = { message: 'No such voice.', type: 'invalid_request_error', code: 'bad_voice', param: 'audio.voice' };
      expect(answer.body).toEqual({ error });
      const { id } = answer;
      expect(await endedCall(at(), id)).toMatchObject({ status: 'failed', error_code: 'upstream_refused', error, request: { messages: MESSAGES, seed: 7 } });
      const proven = await eventually(async () => {
        const { code, stdout } = await at().command('audit', 'verify', id, '--json');
        return code === 0 && (JSON.parse(stdout) as { call: { prompt: boolean; opened: string[] } }).call;
      });
      expect(proven).toMatchObject({ prompt: true, opened: expect.arrayContaining(['prompt', 'error', 'result']) });
    });

    it('that is slow to read from is not waited for by others', async () => {
      upstream.next({ before: new Promise(() => undefined), steps: [] });
      const stuck = new StreamReader(at(), { model: MODEL, messages: MESSAGES });
      await upstream.received(0);
      upstream.next(streamedChat());
      const reader = new StreamReader(at(), { model: MODEL, messages: MESSAGES });
      await reader.ended;
      expect(reader.done).toBe(true);
      stuck.leave();
      await (await upstream.received(0)).clientLeft;
    });
  });
}
