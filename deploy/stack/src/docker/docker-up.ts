import { mkdir } from 'node:fs/promises';
import { untilItAnswers } from '../engines/ask-engine.ts';
import type { Engine, Say } from '../engines/engine.ts';
import type { StackFolder } from '../folder/stack-folder.ts';
import type { Running } from '../running.ts';
import { StackError } from '../stack-error.ts';
import type { Docker } from './docker.ts';

/** The first start makes clusters and recovers logs of any size; minutes at the very worst. */
const READY_DEADLINE_MS = 300_000;

/** Starts the containers and waits until every server answers. When it fails or is given up and none ran before, they are stopped. */
export async function dockerUp(docker: Docker, engines: readonly Engine[], { folder, running, say, signal }: { folder: StackFolder; running: Running; say: Say; signal: AbortSignal }): Promise<void> {
  const ranBefore = running.count > 0;
  await mkdir(folder.models, { recursive: true });
  try {
    await docker.up(say, signal);
    await Promise.all(engines.map(async (engine) => waitFor(engine, docker, running, say, signal)));
  } catch (error) {
    if (!ranBefore) await docker.down();
    throw error;
  }
}

async function waitFor(engine: Engine, docker: Docker, running: Running, say: Say, signal: AbortSignal): Promise<void> {
  const answer = await untilItAnswers(engine, performance.now() + READY_DEADLINE_MS, () => !signal.aborted);
  signal.throwIfAborted();
  const server = await docker.find(engine.name);
  if (!answer.ok || server === undefined) throw new StackError(`${engine.name} does not answer${answer.ok ? ' in a container of this stack' : `: ${answer.why}`}.\nLook at: sluice stack logs ${engine.name}`);
  await running.add(engine, server);
  say(`${engine.name}: ${answer.says}`);
}
