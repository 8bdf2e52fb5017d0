// The process of one loaded model. It is started from this file without a loader, so it imports only Node, llama.cpp
// and its neighbours. Its standard streams belong to llama.cpp; the messages to the engine go over the IPC channel.
import type { LlamaContextSequence } from 'node-llama-cpp';
import { Refusal, generate, tokenizePrompt } from './generate.ts';
import { LoadError, load, type Loaded } from './load.ts';
import type { Command, CountCommand, GenerateCommand, GenerateFailure, Report } from './messages.ts';
import { Pause } from './pause.ts';
import { PieceSender } from './piece-sender.ts';

let loaded: Loaded | undefined;
const pause = new Pause();
const sequences: LlamaContextSequence[] = [];
const freeSequences: LlamaContextSequence[] = [];
const running = new Map<number, AbortController>();

process.on('message', (command: Command) => void obey(command));
// The engine's end is this process' end, however the engine ended.
process.on('disconnect', () => process.exit(0));
// A signal to the whole group must not take the model away from an engine that is draining.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('SIGTERM', () => undefined);

async function obey(command: Command): Promise<void> {
  switch (command.type) {
    case 'load':
      return report(await tryLoad(command));
    case 'generate':
      return answer(command);
    case 'count':
      return report(count(command));
    case 'cancel':
      return running.get(command.id)?.abort();
    case 'ping':
      return report({ type: 'alive', decodedTokens: countDecoded() });
  }
}

/** Counted when a batch is begun, so that it grows with every batch, however long a prompt is. */
function countDecoded(): number {
  return sequences.reduce((sum, { tokenMeter }) => sum + tokenMeter.usedInputTokens + tokenMeter.usedOutputTokens, 0);
}

async function tryLoad(command: Extract<Command, { type: 'load' }>): Promise<Report> {
  try {
    loaded = await load(command, (digest) => report({ type: 'digest', digest }));
    for (let count = 0; count < command.sequences; count++) sequences.push(loaded.context.getSequence());
    freeSequences.push(...sequences);
    return { type: 'loaded', facts: loaded.facts };
  } catch (thrown) {
    return { type: 'load-failed', reason: thrown instanceof LoadError ? thrown.reason : 'unusable' };
  }
}

async function answer(command: GenerateCommand): Promise<void> {
  const sequence = freeSequences.pop();
  // The engine sends no more requests than there are sequences; if it did, that is its fault and not the caller's.
  if (!loaded || !sequence) return report({ type: 'failed', id: command.id, failure: { kind: 'internal', name: 'NoSequence' } });
  const controller = new AbortController();
  running.set(command.id, controller);
  const sender = new PieceSender(command.id, report, () => performance.now());
  let end: Report;
  try {
    const workplace = { model: loaded.model, contextTokens: loaded.facts.contextTokens, pause };
    const reason = await generate(workplace, { command, sequence, signal: controller.signal, emit: (piece) => sender.add(piece) });
    end = { type: 'finished', id: command.id, reason };
  } catch (thrown) {
    end = { type: 'failed', id: command.id, failure: failureOf(thrown) };
  }
  running.delete(command.id);
  freeSequences.push(sequence);
  sender.flush();
  report(end);
}

function count({ id, prompt }: CountCommand): Report {
  try {
    if (!loaded) throw new Error('no model');
    return { type: 'counted', id, inputTokens: tokenizePrompt(loaded.model, prompt, loaded.facts.contextTokens).length };
  } catch (thrown) {
    return { type: 'failed', id, failure: failureOf(thrown) };
  }
}

function failureOf(thrown: unknown): GenerateFailure {
  return thrown instanceof Refusal ? thrown.failure : { kind: 'internal', name: nameOf(thrown) };
}

/** The kind of a fault, never its message: that could quote the prompt. */
function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : 'unknown';
}

function report(message: Report, sent: () => void = () => undefined): void {
  process.send?.(message, undefined, undefined, () => sent());
}
