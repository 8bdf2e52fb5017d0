import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { silentLogger, type Logger } from '@sluice/telemetry';
import type { AnswerPart, LoadSettings, Prompt } from '../domain/model-process.ts';
import { SupervisedModel } from '../domain/supervised-model.ts';
import { demoWeights } from '../testing/demo-weights.ts';
import { modelProcesses } from '../testing/model-processes.ts';
import { llamaChildren } from './llama-child.ts';

/** Long for a machine at work on other things; nothing here takes as long on its own. */
const LONG_MS = 120_000;
/** All pings that may stay unanswered, sent in one moment. */
const ALMOST_TOO_LONG_MS = 60_000;
const ONE_MORE_PING_MS = 5_000;
/** As many pings as make a process silent, until it answers one of them. */
const SILENT_MS = 20_000;

const never = new AbortController().signal;
const prompt = (text: string, maxTokens: number): Prompt => ({ text, seed: 1, sampling: { temperature: 0, max_tokens: maxTokens } });

/** Real processes of the real model; only the time that the engine measures is the test's own. */
describe('the process of a model that hangs without an end', () => {
  let settings: LoadSettings;
  let clock: ManualClock;
  let said: unknown[];
  let model: SupervisedModel | undefined;
  const logger: Logger = { ...silentLogger, warn: (fields) => void said.push(fields['reason']) };
  const parts = () => ({ start: (name: string, how: LoadSettings, signal: AbortSignal) => llamaChildren(clock)(name, how, signal, () => undefined), clock, logger, waitingLimit: 4, waitLimitMs: 10 * 60_000 });

  beforeAll(async () => {
    settings = { weightsPath: await demoWeights(), sequences: 2, contextTokens: 2048, threads: 1 };
  }, 600_000);
  beforeEach(() => {
    [clock, said, model] = [new ManualClock(), [], undefined];
  });
  afterEach(async () => {
    await model?.unload();
    expect(await modelProcesses()).toEqual([]);
  });

  const read = async (answer: AsyncIterable<AnswerPart>): Promise<AnswerPart[]> => {
    const read: AnswerPart[] = [];
    for await (const part of answer) read.push(part);
    return read;
  };
  const until = async (condition: () => boolean): Promise<void> => {
    const deadlineMs = performance.now() + LONG_MS;
    while (!condition()) {
      if (performance.now() > deadlineMs) throw new Error('the condition did not come true');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  it('is killed, fails its answers as a crash does, and comes back', async () => {
    model = await SupervisedModel.load('m', settings, parts(), never);
    const leaving = new AbortController();
    const [stays, leaves] = [never, leaving.signal].map((signal) => model!.answer(prompt('Once upon a time', 1000), signal));
    await Promise.all([stays!.next(), leaves!.next()]);
    const [pid] = await modelProcesses();
    process.kill(pid!, 'SIGSTOP');
    leaving.abort(new Error('left'));
    const outcomes = Promise.allSettled([read(stays!), read(leaves!)]);
    clock.advance(ALMOST_TOO_LONG_MS);
    expect(await modelProcesses()).toEqual([pid]);
    clock.advance(ONE_MORE_PING_MS);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'backend_unavailable', retryAfterSeconds: 1 } });
    expect(said).toEqual(['gave no sign of life for 60 s']);
    expect(model.isReady).toBe(false);
    clock.advance(100);
    await until(() => model!.isReady);
    expect(await modelProcesses()).not.toContain(pid);
    expect((await read(model.answer(prompt('Once', 2), never))).at(-1)).toMatchObject({ type: 'finished', reason: 'length' });
  }, 2 * LONG_MS);

  it('is not one that reads a long prompt, nor one that was stopped and goes on in time', async () => {
    model = await SupervisedModel.load('m', settings, parts(), never);
    let hasBegun = false;
    const long = (async () => {
      const parts: AnswerPart[] = [];
      for await (const part of model.answer(prompt('word '.repeat(1900), 2), never)) {
        hasBegun = true;
        parts.push(part);
      }
      return parts;
    })();
    // A refusal needs no decoding and comes after the answers to the pings that were sent before it.
    const refused = async () => {
      await until(() => model!.isReady);
      await expect(read(model!.answer(prompt('x'.repeat(1_000_000), 1), never))).rejects.toMatchObject({ code: 'context_length_exceeded' });
    };
    await refused();
    let rounds = 0;
    for (; !hasBegun && rounds < 3; rounds++) {
      clock.advance(ALMOST_TOO_LONG_MS);
      await refused();
    }
    expect(rounds).toBeGreaterThan(0);
    const [pid] = await modelProcesses();
    process.kill(pid!, 'SIGSTOP');
    clock.advance(ALMOST_TOO_LONG_MS);
    // No new call goes to it while it is silent, long before it is given up.
    expect(model.isReady).toBe(false);
    process.kill(pid!, 'SIGCONT');
    await refused();
    clock.advance(ALMOST_TOO_LONG_MS);
    expect((await long).at(-1)).toMatchObject({ type: 'finished', reason: 'length' });
    expect(said).toEqual([]);
    expect(await modelProcesses()).toEqual([pid]);
  }, 2 * LONG_MS);

  it('is not one whose answer is made long before it is read', async () => {
    model = await SupervisedModel.load('m', settings, parts(), never);
    const slowlyRead = model.answer(prompt('Once upon a time', 3), never);
    await slowlyRead.next();
    await read(model.answer(prompt('Once upon a time', 30), never));
    for (let passedMs = 0; passedMs < 6 * 60_000; passedMs += SILENT_MS) {
      clock.advance(SILENT_MS);
      expect(model.isReady).toBe(false);
      await until(() => model!.isReady);
    }
    expect((await read(slowlyRead)).at(-1)).toMatchObject({ type: 'finished', reason: 'length' });
    expect(said).toEqual([]);
  }, LONG_MS);

  it('loses the prompts that it should have counted with it; who leaves waits no longer, and its place is kept until it is counted', async () => {
    model = await SupervisedModel.load('m', settings, parts(), never);
    expect(await model.countPrompt('Once upon a time', never)).toBe(4);
    const [pid] = await modelProcesses();
    process.kill(pid!, 'SIGSTOP');
    const leaving = new AbortController();
    const [left, ...stays] = Array.from({ length: 16 }, (_, at) => model!.countPrompt('Once', at === 0 ? leaving.signal : never));
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    const outcomes = Promise.allSettled(stays);
    await expect(model.countPrompt('Once', never)).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    await expect(model.countPrompt('Once', leaving.signal)).rejects.toThrow('left');
    clock.advance(ALMOST_TOO_LONG_MS + ONE_MORE_PING_MS);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'backend_unavailable' } });
    clock.advance(100);
    await until(() => model!.isReady);
    expect(await model.countPrompt('Once', never)).toBe(1);
  }, LONG_MS);

  it('is found while it loads, too, and a load that is never done has an end', async () => {
    class NoPings extends ManualClock {
      override every = () => ({ cancel: () => undefined });
    }
    for (const [timeOfEngine, waitMs] of [[clock, ALMOST_TOO_LONG_MS + ONE_MORE_PING_MS], [new NoPings(), 10 * 60_000]] as const) {
      clock = timeOfEngine;
      const outcome = expect(SupervisedModel.load('m', settings, parts(), never)).rejects.toMatchObject({ code: 'failed_precondition' });
      const [pid] = await modelProcesses();
      process.kill(pid!, 'SIGSTOP');
      clock.advance(waitMs - 1);
      expect(await modelProcesses()).toEqual([pid]);
      clock.advance(1);
      await outcome;
      expect(await modelProcesses()).toEqual([]);
    }
  }, LONG_MS);
});
