import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { TextResponse } from '@sluice/kserve';
import type { Logger } from '@sluice/telemetry';
import { describeBackend, type BackendSubject } from '../../domain/backend.contract.ts';
import { createKserveBackend } from './kserve-backend.ts';
import { houseEngine } from './kserve-server.ts';
import { WholeAnswers } from '../../domain/whole-answers.ts';
import { ScriptedEngine, type AnswerScript } from './scripted-engine.ts';

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silent };

const piece = (textOutput: string): Omit<TextResponse, 'id'> => ({ textOutput, inputTokens: 3, outputTokens: 1, final: false });
const end: Omit<TextResponse, 'id'> = { textOutput: '', inputTokens: 3, outputTokens: 1, finishReason: 'stop', final: true };

async function makeSubject(): Promise<BackendSubject> {
  const engine = new ScriptedEngine();
  engine.parameters = { chat_template: '{{ messages[0].content }}' };
  let sawCancel: () => void = () => undefined;
  const cancelled = new Promise<void>((resolve) => (sawCancel = resolve));
  const say = (pieces: readonly string[], then: (signal: AbortSignal) => AsyncGenerator<Omit<TextResponse, 'id'>>): void => {
    const script: AnswerScript = async function* (_, signal) {
      try {
        for (const text of pieces) yield piece(text);
        yield* then(signal);
      } finally {
        // Given up between two responses or while it had none: the engine sees either.
        if (signal.aborted) sawCancel();
      }
    };
    engine.script = script;
  };
  const fail = async function* (): AsyncGenerator<Omit<TextResponse, 'id'>> {
    throw new ServiceError('upstream_error', 'The model failed to answer.');
  };
  return {
    backend: createKserveBackend({
      server: houseEngine(engine.client),
      deployment: { id: 'dep_1', target: 'triton', upstreamModel: 'upstream-model', weightsPath: '', digest: '', managed: false, signature: undefined },
      mayUnload: () => true, neighbours: () => [], wholeAnswers: new WholeAnswers(2 ** 30),
      clock: new ManualClock(),
      logger: silent,
    }),
    answer: (pieces) =>
      say(pieces, async function* () {
        yield end;
      }),
    stallAfter: (pieces) =>
      say(pieces, async function* (signal) {
        await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
      }),
    failBeforeFirst: () => say([], fail),
    failAfter: (pieces) => say(pieces, fail),
    cancelled: () => cancelled,
    makeUnhealthy: async () => void (engine.isReady = false),
    stop: () => Promise.resolve(),
  };
}

describeBackend('kserve', makeSubject);
