import { untilItAnswers } from '../engines/ask-engine.ts';
import type { Engine, Say } from '../engines/engine.ts';
import type { StackFolder } from '../folder/stack-folder.ts';
import { endProcess } from '../processes/end-process.ts';
import { logTail, turnLog } from '../processes/engine-log.ts';
import { FOLDER_HELD_CODE, startEngine } from '../processes/engine-process.ts';
import type { Running } from '../running.ts';
import { StackError } from '../stack-error.ts';
import { clearAfter } from './stop-one.ts';

export interface StartOptions {
  readonly folder: StackFolder;
  readonly running: Running;
  readonly say: Say;
  readonly signal: AbortSignal;
  /** Names of engines that this command started, so that it can stop them when it is given up. */
  readonly begun: Set<string>;
}

/** Recovery after a crash reads logs of any size; minutes at the very worst. */
const READY_DEADLINE_MS = 300_000;
const REATTACH_DEADLINE_MS = 60_000;
const TAIL_LINES = 15;

/** Takes over an engine that runs, or starts it; returns when it answers. */
export async function startOne(engine: Engine, options: StartOptions): Promise<void> {
  const { running, say, signal } = options;
  const found = running.processOf(engine.name);
  if (found === undefined) return start(engine, options);
  const answer = await untilItAnswers(engine, performance.now() + REATTACH_DEADLINE_MS, () => !signal.aborted);
  signal.throwIfAborted();
  if (!answer.ok) throw new StackError(`${engine.name} runs (process ${found.pid}) but does not answer: ${answer.why}.\nIts log: ${options.folder.logOf(engine.name)}\nStop everything with: sluice stack down`);
  say(`${engine.name}: runs already (process ${found.pid})`);
}

async function start(engine: Engine, { folder, running, say, signal, begun }: StartOptions): Promise<void> {
  await clearAfter(engine, folder);
  const command = await engine.prepare(say, signal);
  signal.throwIfAborted();
  const startedMs = performance.now();
  const log = folder.logOf(engine.name);
  await turnLog(log);
  begun.add(engine.name);
  const server = await startEngine(command, folder.lockOf(engine.name), log);
  let ended: { code: number | null } | undefined;
  void server.exited.then((code) => void (ended = { code }));
  await running.add(engine, server);
  const answer = await untilItAnswers(engine, startedMs + READY_DEADLINE_MS, () => ended === undefined && !signal.aborted);
  signal.throwIfAborted();
  if (answer.ok && ended === undefined) return say(`${engine.name}: ready in ${((performance.now() - startedMs) / 1000).toFixed(1)} s, ${answer.says}`);
  await endProcess(server, 'SIGKILL', 0);
  await running.remove(engine);
  if (ended?.code === FOLDER_HELD_CODE) throw new StackError(`${engine.name} was not started: another server works on ${folder.engine(engine.name)}. Two on one folder would damage it.`);
  const why = ended === undefined ? `did not answer for ${READY_DEADLINE_MS / 1000} s: ${answer.ok ? '' : answer.why}` : 'ended at its start';
  throw new StackError(`${engine.name} ${why}. The end of its log (${log}):\n${await logTail(log, TAIL_LINES)}`);
}
