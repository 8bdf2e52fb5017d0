import { mkdir } from 'node:fs/promises';
import { Docker, dockerRuns } from '../docker/docker.ts';
import { dockerUp } from '../docker/docker-up.ts';
import { enginesOf } from '../engines/engines.ts';
import type { Engine, Say } from '../engines/engine.ts';
import type { FillModels } from '../engines/triton.ts';
import { chosen, keepModels, moveTo, type Choices } from '../folder/choices.ts';
import { checkFolder } from '../folder/check-folder.ts';
import { checkModelsStay, checkRepository, wantedModels } from '../folder/model-repository.ts';
import { takeCommandLock, takeTurn } from '../folder/command-lock.ts';
import { stackFolder, type StackFolder } from '../folder/stack-folder.ts';
import { freeOffset, portsMoved } from '../ports.ts';
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
  /** Model repository of Triton; undefined leaves it as it is, at first the one in the data folder, which its path brings back. */
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
    const choices = await chosen(folder.choices, { small, route });
    if (choices.small && !small) say('This stack was made with --small: it has one Kafka broker, not three, until it is made anew (sluice stack reset deletes its data).');
    const turn = await takeTurn(say, signal);
    try {
      return await start({ folder, cache, models, fillModels, strict, say, signal }, choices);
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
  readonly models: string | undefined;
  readonly fillModels: FillModels | undefined;
  readonly strict: boolean;
  readonly say: Say;
  readonly signal: AbortSignal;
}

async function start(work: Start, before: Choices): Promise<readonly LeftOut[]> {
  const { engines, running, choices } = await assemble(work, before);
  await running.write();
  const leftOut = await startEngines(work, { engines, running, choices });
  if (running.processOf('triton') !== undefined) await keepModels(work.folder.choices, choices.models);
  return leftOut;
}

async function startEngines(work: Start, { engines, running, choices }: Assembled): Promise<readonly LeftOut[]> {
  if (choices.route === 'packages') return startAll(engines, { ...work, running });
  if (choices.models === undefined && running.processOf('triton') === undefined) await work.fillModels?.(work.folder.models, work.say, work.signal);
  await dockerUp(new Docker(work.folder, choices), engines, { ...work, running });
  return [];
}

interface Assembled {
  readonly engines: Engine[];
  readonly running: Running;
  readonly choices: Choices;
}

/** A stack of which nothing runs may move to ports that are free; one of which something runs stays where it is. */
async function assemble({ folder, cache, models: asked, fillModels, say }: Start, before: Choices): Promise<Assembled> {
  const models = wantedModels(folder, asked, before);
  if (models !== undefined) await checkRepository(models);
  const engines = enginesOf(folder, { ...before, models }, cache, fillModels);
  const running = await Running.look(folder, before, engines);
  checkModelsStay(folder, before, models, running.processOf('triton') !== undefined);
  if (running.count > 0) return { engines, running, choices: { ...before, models } };
  const { offset, taken } = await freeOffset(before.portOffset);
  const moved = await moveTo(folder.choices, before, offset);
  if (taken !== undefined) say(portsMoved(taken, before.portOffset, offset));
  const choices = { ...moved, models };
  return { engines: enginesOf(folder, choices, cache, fillModels), running, choices };
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
