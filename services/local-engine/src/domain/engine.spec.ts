import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { Engine } from './engine.ts';
import type { LoadSettings, ModelProcess } from './model-process.ts';

const never = new AbortController().signal;
const settings: LoadSettings = { weightsPath: '/m.gguf', sequences: 1, contextTokens: 64, threads: 1 };

/** Processes that start when the test says so. */
class Processes {
  readonly started: string[] = [];
  readonly ended: string[] = [];
  gate: Promise<void> = Promise.resolve();

  readonly engine = new Engine({
    clock: new ManualClock(), logger: silentLogger, waitingLimit: 2, waitLimitMs: 1000,
    start: async (model, { weightsPath }, signal) => {
      this.started.push(`${model} ${weightsPath}`);
      await Promise.race([this.gate, new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))]);
      return this.#process(`${model} ${weightsPath}`);
    },
  });

  #process(name: string): ModelProcess {
    const { promise: gone, resolve } = Promise.withResolvers<string>();
    return {
      facts: { architecture: 'a', chatTemplate: '', bosToken: '', eosToken: '', contextTokens: 64, sequences: 1, threads: 1 },
      gone,
      isSilent: false,
      answer: async function* () {
        yield { type: 'finished', reason: 'stop' } as const;
      },
      countPrompt: async () => 1,
      end: async () => {
        this.ended.push(name);
        resolve('ended');
      },
    };
  }
}

describe('Engine', () => {
  it('starts one process however many ask for the same model at once', async () => {
    const { engine, started } = new Processes();
    await Promise.all([engine.load('m', settings, never), engine.load('m', settings, never), engine.load('m', settings, never)]);
    await engine.load('m', { ...settings }, never);
    expect(started).toEqual(['m /m.gguf']);
    expect(engine.models.map((model) => model.isReady)).toEqual([true]);
  });

  it('keeps the old weights answering until the new ones are there, and then ends them', async () => {
    const processes = new Processes();
    const { engine } = processes;
    await engine.load('m', settings, never);
    const old = engine.get('m');
    const { promise, resolve } = Promise.withResolvers<void>();
    processes.gate = promise;
    const loading = engine.load('m', { ...settings, weightsPath: '/n.gguf' }, never);
    expect(engine.get('m')).toBe(old);
    expect(engine.namesLoading).toEqual(['m']);
    resolve();
    await loading;
    expect(engine.get('m')).not.toBe(old);
    expect(processes.ended).toEqual(['m /m.gguf']);
  });

  it('gives a load up when nobody waits for it any more', async () => {
    const processes = new Processes();
    const { engine } = processes;
    processes.gate = new Promise(() => undefined);
    const leave = new AbortController();
    const loading = engine.load('m', settings, leave.signal);
    leave.abort(new Error('left'));
    await expect(loading).rejects.toThrow('left');
    expect([engine.namesLoading, engine.models]).toEqual([[], []]);
  });

  it('loads one after the other when several settings are asked for at once, and ends all but the last', async () => {
    const processes = new Processes();
    const { engine } = processes;
    const { promise, resolve } = Promise.withResolvers<void>();
    processes.gate = promise;
    const loads = ['/a.gguf', '/b.gguf', '/c.gguf'].map((weightsPath) => engine.load('m', { ...settings, weightsPath }, never));
    resolve();
    await Promise.all(loads);
    expect(processes.started).toHaveLength(3);
    expect(processes.ended).toEqual(processes.started.slice(0, 2));
    expect(engine.models).toHaveLength(1);
  });

  it('knows no model that was unloaded, and refuses more models than it has room for', async () => {
    const { engine, ended } = new Processes();
    for (let index = 0; index < 16; index++) await engine.load(`m${index}`, settings, never);
    await expect(engine.load('one-more', settings, never)).rejects.toMatchObject({ code: 'failed_precondition' });
    await engine.unload('m0');
    expect(() => engine.get('m0')).toThrow(expect.objectContaining({ code: 'model_not_found' }));
    await engine.load('one-more', settings, never);
    await engine.close();
    expect(ended.length).toBe(17);
    expect(engine.models).toEqual([]);
  });
});
