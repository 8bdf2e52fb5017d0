import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import type { AnswerPart, ModelProcess } from './model-process.ts';
import { SupervisedModel } from './supervised-model.ts';

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silent };
const settings = { weightsPath: '/m.gguf', sequences: 1, contextTokens: 64, threads: 1 };
const prompt = { text: 'p', seed: 1, sampling: {} };
const never = new AbortController().signal;
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A process that dies when it is told to, and starts that fail as often as they are told to. */
class Processes {
  readonly clock = new ManualClock();
  starts = 0;
  failStarts = 0;
  isSilent = false;
  die: (reason: string) => void = () => undefined;

  async start(): Promise<ModelProcess> {
    this.starts++;
    if (this.failStarts-- > 0) throw new ServiceError('failed_precondition', 'does not start');
    const gone = new Promise<string>((resolve) => (this.die = resolve));
    const facts = { architecture: 'a', chatTemplate: '', bosToken: '', eosToken: '', contextTokens: 64, sequences: 1, threads: 1 };
    const end = async (): Promise<void> => this.die('ended');
    const isSilent = (): boolean => this.isSilent;
    return { facts, gone, get isSilent() { return isSilent(); }, end, answer: () => this.#answer(gone), countPrompt: async (text) => text.length };
  }

  async *#answer(gone: Promise<string>): AsyncGenerator<AnswerPart> {
    yield { type: 'piece', text: 'x', inputTokens: 1, outputTokens: 1, logprobs: [] };
    await gone;
    throw new ServiceError('backend_unavailable', 'gone');
  }

  load(): Promise<SupervisedModel> {
    return SupervisedModel.load('m', settings, { start: () => this.start(), clock: this.clock, logger: silent, waitingLimit: 2, waitLimitMs: 60_000 }, never);
  }
}

describe('SupervisedModel', () => {
  it('takes no call while its process is silent, and calls again when it is not', async () => {
    const processes = new Processes();
    const model = await processes.load();
    processes.isSilent = true;
    expect(model.isReady).toBe(false);
    await expect(model.answer({ text: 'x', seed: 1, sampling: {} as never }, never)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'backend_unavailable', retryAfterSeconds: 1 });
    processes.isSilent = false;
    expect(model.isReady).toBe(true);
    expect(processes.starts).toBe(1);
  });

  it('counts a prompt at once while all its sequences answer, and not while its process is away', async () => {
    const processes = new Processes();
    const model = await processes.load();
    await model.answer(prompt, never).next();
    expect(model.load).toEqual(expect.objectContaining({ inUse: 1 }));
    expect(await model.countPrompt('four', never)).toBe(4);
    expect([model.statistics.success.count, model.statistics.queue.count]).toEqual([0, 1]);
    processes.die('SIGKILL');
    await settle();
    await expect(model.countPrompt('four', never)).rejects.toMatchObject({ code: 'backend_unavailable', retryAfterSeconds: 1 });
    await model.unload();
  });

  it('starts again after a crash, later each time that does not help, and at once again after a long life', async () => {
    const processes = new Processes();
    const model = await processes.load();
    processes.failStarts = 3;
    processes.die('SIGSEGV');
    await settle();
    expect(model.isReady).toBe(false);
    for (const delayMs of [100, 200, 400, 800]) {
      const before = processes.starts;
      processes.clock.advance(delayMs - 1);
      expect(processes.starts).toBe(before);
      processes.clock.advance(1);
      await settle();
      expect(processes.starts).toBe(before + 1);
    }
    expect(model.isReady).toBe(true);
    processes.clock.advance(60_000);
    processes.die('SIGSEGV');
    await settle();
    processes.clock.advance(100);
    await settle();
    expect(model.isReady).toBe(true);
  });

  it('loses the answer under way, keeps who waits, refuses who comes meanwhile', async () => {
    const processes = new Processes();
    const model = await processes.load();
    const running = model.answer(prompt, never);
    expect((await running.next()).value).toMatchObject({ text: 'x' });
    const waiting = model.answer(prompt, never);
    const firstOfWaiting = waiting.next();
    await settle();
    processes.die('SIGKILL');
    await expect(running.next()).rejects.toMatchObject({ code: 'backend_unavailable' });
    await expect(model.answer(prompt, never).next()).rejects.toMatchObject({ code: 'backend_unavailable', retryAfterSeconds: 1 });
    processes.clock.advance(100);
    expect((await firstOfWaiting).value).toMatchObject({ text: 'x' });
    expect(model.statistics).toMatchObject({ fail: { count: 1 }, success: { count: 0 } });
    await model.unload();
  });

  it('is not started again once it is unloaded, also when it is unloaded while it is away', async () => {
    const processes = new Processes();
    const model = await processes.load();
    processes.die('SIGKILL');
    await settle();
    await model.unload();
    processes.clock.advance(60_000);
    await settle();
    expect(processes.starts).toBe(1);
    expect(model.isReady).toBe(false);
  });
});
