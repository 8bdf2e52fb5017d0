import type { Addresses } from '../up/up-options.ts';
import { startsBefore, type MeshProcess } from './mesh-processes.ts';
import type { PidsFile } from './pids-file.ts';
import { SupervisedProcess, type ProcessAddresses, type SupervisedOptions } from './supervised-process.ts';

export interface SupervisorOptions {
  readonly processes: readonly MeshProcess[];
  readonly pidsFile: PidsFile;
  /** What was started could not be written down. It runs all the same. */
  readonly onUnwritten: (error: Error) => void;
  /** All of a process but its place among the others. */
  readonly of: (process: MeshProcess) => Omit<SupervisedOptions, 'name'>;
}

/** The processes of a mesh on this machine: owners start first, the data plane stops first. */
export class Supervisor {
  readonly #owners: readonly SupervisedProcess[];
  readonly #early: readonly SupervisedProcess[];
  readonly #dataPlane: readonly SupervisedProcess[];
  readonly #pidsFile: PidsFile;
  readonly #onUnwritten: (error: Error) => void;

  constructor({ processes, pidsFile, onUnwritten, of }: SupervisorOptions) {
    this.#pidsFile = pidsFile;
    this.#onUnwritten = onUnwritten;
    const supervised = new Map(processes.map((process) => [process, this.#supervised(process, of(process))]));
    const all = [...supervised];
    this.#owners = all.filter(([{ isDataPlane }]) => !isDataPlane).map(([, one]) => one);
    this.#early = all.filter(([process]) => startsBefore(process)).map(([, one]) => one);
    this.#dataPlane = all.filter(([{ isDataPlane }]) => isDataPlane).map(([, one]) => one);
  }

  /** Resolves when all serve; rejects with a CommandFailed when one of them cannot be started. */
  async start(): Promise<Addresses> {
    const owners = new Map(this.#owners.map((one) => [one, one.start()]));
    await Promise.all(this.#early.map((one) => owners.get(one)));
    const dataPlane = this.#dataPlane.map((one) => one.start());
    const [doors] = await Promise.all([Promise.all(dataPlane), Promise.all(owners.values())]);
    return addressesOf(doors);
  }

  /** Ends all: first those that answer clients, while all that they need runs. */
  async stop(): Promise<void> {
    await Promise.all(this.#dataPlane.map((one) => one.stop()));
    await Promise.all(this.#owners.map((one) => one.stop()));
  }

  /** Ends all at once. */
  kill(): void {
    for (const one of [...this.#dataPlane, ...this.#owners]) one.kill();
  }

  #supervised({ name }: MeshProcess, options: Omit<SupervisedOptions, 'name'>): SupervisedProcess {
    const onStarted = (pid: number): void => {
      // A disk may be full just when a process has died of it: that must not end the one that starts it again.
      try {
        this.#pidsFile.write(name, pid);
        options.onStarted(pid);
      } catch (error) {
        this.#onUnwritten(error instanceof Error ? error : new Error(String(error)));
      }
    };
    return new SupervisedProcess({ ...options, name, onStarted });
  }
}

function addressesOf(doors: readonly ProcessAddresses[]): Addresses {
  const [{ url, adminUrl, grpcAddress } = {}] = doors;
  if (url === undefined || adminUrl === undefined) throw new Error('a process of the data plane did not tell where it serves');
  return { url, adminUrl, grpcAddress };
}
