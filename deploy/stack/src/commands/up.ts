import { mkdir } from 'node:fs/promises';
import { Docker, dockerRuns } from '../docker/docker.ts';
import { dockerUp } from '../docker/docker-up.ts';
import { enginesOf } from '../engines/engines.ts';
import type { Engine, Say } from '../engines/engine.ts';
import type { FillModels } from '../engines/triton.ts';
import { chosen, moveTo, type Choices } from '../folder/choices.ts';
import { checkFolder } from '../folder/check-folder.ts';
import { takeCommandLock, takeTurn } from '../folder/command-lock.ts';
import { stackFolder, type StackFolder } from '../folder/stack-folder.ts';
import { freeOffset } from '../ports.ts';
import { Running } from '../running.ts';
import { MissingTool, StackError } from '../stack-error.ts';
import { startOne } from './start-one.ts';
import { stopOne } from './stop-one.ts';

export interface UpOptions {
  /** The data folder; made when it is not there. */
  readonly data: string;
  /** Where packages are kept for every stack. */
  readonly cache: string;
  /** One broker; undefined leaves an existing folder as it is. */
  readonly small: true | undefined;
  /** Model repository of Triton; undefined leaves it as it is, at first one in the data folder. */
  readonly models: string | undefined;
  /** Fills the repository in the data folder before Triton starts; without it that is empty at first. */
  readonly fillModels?: FillModels;
  /** An engine that this machine cannot run is a failure, instead of being left out. */
  readonly strict: boolean;
  readonly say: Say;
  readonly signal: AbortSignal;
}

/** An engine that this machine cannot run, and what it lacks. */
export interface LeftOut {
  readonly engine: string;
  readonly lacks: string;
}

/**
 * Starts every engine that does not run yet and returns when all answer. An engine for which this machine lacks
 * something is left out, and told. When it fails or is given up, what it started is stopped; what ran before goes on.
 */
export async function stackUp({ data, cache, small, models, fillModels, strict, say, signal }: UpOptions): Promise<readonly LeftOut[]> {
  const folder = stackFolder(data);
  await checkFolder(folder);
  await mkdir(folder.logs, { recursive: true, mode: 0o700 });
  const lock = await takeCommandLock(folder.lock);
  try {
    const route = (await dockerRuns()) ? 'docker' : 'packages';
    const choices = await chosen(folder.choices, { small, models, route });
    if (choices.small && !small) say('This stack was made with --small: it has one Kafka broker, not three, until it is made anew (sluice stack reset deletes its data).');
    const turn = await takeTurn(say, signal);
    try {
      return await start({ folder, cache, fillModels, strict, say, signal }, choices);
    } finally {
      await turn.release();
    }
  } finally {
    await lock.release();
  }
}

interface Start {
  readonly folder: StackFolder;
  readonly cache: string;
  readonly fillModels: FillModels | undefined;
  readonly strict: boolean;
  readonly say: Say;
  readonly signal: AbortSignal;
}

async function start(work: Start, before: Choices): Promise<readonly LeftOut[]> {
  const { engines, running, choices } = await assemble(work, before);
  await running.write();
  if (choices.route === 'packages') return startAll(engines, { ...work, running });
  if (choices.models === undefined && running.processOf('triton') === undefined) await work.fillModels?.(work.folder.models, work.say, work.signal);
  await dockerUp(new Docker(work.folder, choices), engines, { ...work, running });
  return [];
}

/** A stack of which nothing runs may move to ports that are free; one of which something runs stays where it is. */
async function assemble({ folder, cache, fillModels }: Start, choices: Choices): Promise<{ engines: Engine[]; running: Running; choices: Choices }> {
  const engines = enginesOf(folder, choices, cache, fillModels);
  const running = await Running.look(folder, choices, engines);
  if (running.count > 0) return { engines, running, choices };
  const moved = await moveTo(folder.choices, choices, await freeOffset(choices.portOffset));
  return { engines: enginesOf(folder, moved, cache, fillModels), running, choices: moved };
}

async function startAll(engines: readonly Engine[], work: Start & { readonly running: Running }): Promise<readonly LeftOut[]> {
  const begun = new Set<string>();
  // The first that fails ends the others' starts.
  const failed = new AbortController();
  const signal = AbortSignal.any([work.signal, failed.signal]);
  const leftOut: LeftOut[] = [];
  const outcomes = await Promise.allSettled(
    engines.map(async (engine) => {
      try {
        await startOne(engine, { ...work, signal, begun });
      } catch (error) {
        if (error instanceof MissingTool) return void leftOut.push({ engine: engine.name, lacks: error.message });
        failed.abort(error);
        throw error;
      }
    }),
  );
  const allStarted = outcomes.every(({ status }) => status === 'fulfilled');
  if (allStarted && (leftOut.length === 0 || !work.strict)) return leftOut;
  for (const engine of engines.toReversed()) {
    if (begun.has(engine.name)) await stopOne(engine, work);
  }
  if (work.signal.aborted) throw work.signal.reason;
  throw allStarted ? new StackError(`This machine lacks what the stack needs:\n${lackedBy(leftOut).join('\n')}`) : failed.signal.reason;
}

/** One line for each thing that is missing, with the engines that need it. */
export function lackedBy(leftOut: readonly LeftOut[]): string[] {
  const engines = Map.groupBy(leftOut, ({ lacks }) => lacks);
  return [...engines].map(([lacks, by]) => `${by.map(({ engine }) => engine).toSorted().join(', ')}: ${lacks}`);
}
