import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Docker } from '../docker/docker.ts';
import type { Say } from '../engines/engine.ts';
import { enginesOf } from '../engines/engines.ts';
import { readChoices } from '../folder/choices.ts';
import { takeCommandLock } from '../folder/command-lock.ts';
import { stackFolder, type StackFolder } from '../folder/stack-folder.ts';
import { Running } from '../running.ts';
import { noStack } from './status.ts';
import { stopOne } from './stop-one.ts';

export interface StackPlace {
  readonly data: string;
  readonly cache: string;
}

/** Stops every engine; their data stays. Does nothing where none runs. */
export async function stackDown({ data, cache }: StackPlace, say: Say): Promise<void> {
  await withStack(data, async (folder) => stopAll(folder, cache, say));
}

/** Stops every engine and deletes their data; packages stay in the cache. */
export async function stackReset({ data, cache }: StackPlace, say: Say): Promise<void> {
  await withStack(data, async (folder) => {
    const choices = await readChoices(folder.choices);
    await stopAll(folder, cache, say);
    if (choices?.route === 'docker') await new Docker(folder, choices).reset();
    await rm(folder.composeFile, { force: true });
    for (const { name } of choices ? enginesOf(folder, choices, cache) : []) await rm(folder.engine(name), { recursive: true, force: true });
    await rm(folder.logs, { recursive: true, force: true });
    // Last, so that a reset that was cut short can be done again.
    await rm(folder.choices, { force: true });
  });
  const { lock } = stackFolder(data);
  await rm(lock, { force: true });
}

async function withStack(data: string, work: (folder: StackFolder) => Promise<void>): Promise<void> {
  const folder = stackFolder(data);
  if (!existsSync(folder.choices)) throw noStack(folder);
  const lock = await takeCommandLock(folder.lock);
  try {
    await work(folder);
  } finally {
    await lock.release();
  }
}

async function stopAll(folder: StackFolder, cache: string, say: Say): Promise<void> {
  const choices = await readChoices(folder.choices);
  if (choices === undefined) return;
  const engines = enginesOf(folder, choices, cache);
  const running = await Running.look(folder, choices, engines);
  if (choices.route === 'docker') {
    await new Docker(folder, choices).down();
    return rm(folder.stackFile, { force: true });
  }
  await Promise.all(engines.map(async (engine) => stopOne(engine, { folder, running, say })));
  // Also where nothing ran: a file of before the machine was restarted names processes that are gone.
  await running.write();
}
