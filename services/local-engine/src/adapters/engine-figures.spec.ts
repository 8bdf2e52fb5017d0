import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { silentLogger, startTelemetry, type Telemetry } from '@sluice/telemetry';
import { Engine } from '../domain/engine.ts';
import type { AnswerPart, ModelProcess } from '../domain/model-process.ts';
import { observeEngine } from './engine-figures.ts';

describe('the figures of the engine', () => {
  let telemetry: Telemetry;
  beforeEach(() => {
    telemetry = startTelemetry({ serviceVersion: '0' });
  });
  afterEach(() => telemetry.shutdown());

  it('show who waits and who is answered, by model', async () => {
    const process: ModelProcess = {
      facts: { architecture: 'a', chatTemplate: '', bosToken: '', eosToken: '', contextTokens: 64, sequences: 2, threads: 1 },
      gone: new Promise(() => undefined),
      isSilent: false,
      async *answer(_prompt, signal): AsyncGenerator<AnswerPart> {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        yield { type: 'finished', reason: 'cancelled' };
      },
      countPrompt: () => Promise.resolve(1),
      end: () => Promise.resolve(),
    };
    const engine = new Engine({ clock: new ManualClock(), logger: silentLogger, waitingLimit: 4, waitLimitMs: 1000, start: () => Promise.resolve(process) });
    const hide = observeEngine(engine);
    await engine.load('m', { weightsPath: '/m.gguf', sequences: 2, contextTokens: 64, threads: 1 }, new AbortController().signal);
    const leave = new AbortController();
    const answers = Array.from({ length: 3 }, () => engine.get('m').answer({ text: '', seed: 1, sampling: {} }, leave.signal).next());
    await new Promise((resolve) => setImmediate(resolve));
    const shown = async (): Promise<Record<string, string>> =>
      Object.fromEntries([...(await telemetry.prometheusText()).matchAll(/^sluice_local_engine_(\w+)\{gen_ai_request_model="m"[^}]*\} (\S+)/gm)].map(([, name, value]) => [name, value]));
    expect(await shown()).toEqual({ waiting: '1', sequences_in_use: '2', sequences: '2' });
    leave.abort(new Error('left'));
    await Promise.allSettled(answers);
    hide();
    await engine.close();
  });
});
