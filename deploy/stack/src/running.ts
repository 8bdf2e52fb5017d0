import { rm } from 'node:fs/promises';
import { Docker } from './docker/docker.ts';
import type { Engine } from './engines/engine.ts';
import type { Choices } from './folder/choices.ts';
import { readStackFile, writeStackFile, type RunningEngine, type StackFile } from './folder/stack-file.ts';
import type { StackFolder } from './folder/stack-folder.ts';
import { findEngine, isAlive, type EngineProcess } from './processes/engine-process.ts';

/**
 * Which engines run, and `stack.json`, which says so. A server that was started by a command that died before it could
 * write it down is found by its command line.
 */
export class Running {
  readonly #folder: StackFolder;
  readonly #route: StackFile['route'];
  readonly #small: boolean;
  readonly #engines = new Map<string, RunningEngine>();
  #written: Promise<void> = Promise.resolve();

  private constructor(folder: StackFolder, { route, small }: Pick<StackFile, 'route' | 'small'>) {
    this.#folder = folder;
    this.#route = route;
    this.#small = small;
  }

  /** Looks which of these engines live. Writes nothing. */
  static async look(folder: StackFolder, choices: Choices, engines: readonly Engine[]): Promise<Running> {
    const running = new Running(folder, choices);
    const find = choices.route === 'docker' ? inDocker(new Docker(folder, choices)) : onMachine(await readStackFile(folder.stackFile));
    for (const engine of engines) {
      const server = await find(engine);
      if (server) running.#set(engine, server);
    }
    return running;
  }

  processOf(name: string): EngineProcess | undefined {
    return this.#engines.get(name);
  }

  get count(): number {
    return this.#engines.size;
  }

  async add(engine: Engine, server: EngineProcess): Promise<void> {
    this.#set(engine, server);
    await this.write();
  }

  async remove(engine: Engine): Promise<void> {
    this.#engines.delete(engine.name);
    await this.write();
  }

  /** One after the other, without the file where nothing runs: a later state is never overwritten by an earlier one. */
  async write(): Promise<void> {
    this.#written = this.#written.then(async () => {
      if (this.#engines.size === 0) return rm(this.#folder.stackFile, { force: true });
      const engines = Object.fromEntries([...this.#engines].toSorted(([a], [b]) => a.localeCompare(b)));
      await writeStackFile(this.#folder.stackFile, { version: 1, route: this.#route, small: this.#small, engines });
    });
    return this.#written;
  }

  #set(engine: Engine, { pid, started }: EngineProcess): void {
    this.#engines.set(engine.name, { address: engine.address, ...(engine.also && { also: { ...engine.also } }), pid, started, log: this.#folder.logOf(engine.name) });
  }
}

type Find = (engine: Engine) => Promise<EngineProcess | undefined>;

function inDocker(docker: Docker): Find {
  return async ({ name }) => docker.find(name);
}

function onMachine(file: StackFile | undefined): Find {
  return async ({ name, mark }) => {
    const known = file?.engines[name];
    return known && (await isAlive(known)) ? known : findEngine(mark);
  };
}
