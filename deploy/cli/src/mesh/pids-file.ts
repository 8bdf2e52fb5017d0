import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkPlaceForFile } from '../data-folder/place-for-file.ts';
import { writePrivateFile } from '../data-folder/private-file.ts';

/** A JSON object of process names to process ids, written at every start of one; removed when they have stopped, because their numbers may be others' by then. */
export class PidsFile {
  readonly #path: string | undefined;
  readonly #pids: Record<string, number> = {};
  #isMine = false;

  /** Without a path there is none. Throws a CommandFailed where it cannot be written. */
  constructor(path: string | undefined) {
    this.#path = path === undefined ? undefined : resolve(path);
    if (this.#path !== undefined) checkPlaceForFile(this.#path, 'the file of process ids');
  }

  /** Once no other mesh can be at work in the same place: removes what an earlier run left behind. */
  take(): void {
    this.#isMine = true;
    this.remove();
  }

  write(name: string, pid: number): void {
    this.#pids[name] = pid;
    if (this.#path !== undefined) writePrivateFile(this.#path, `${JSON.stringify(this.#pids)}\n`);
  }

  /** Nothing where it was not taken: it may be another's. */
  remove(): void {
    if (this.#path !== undefined && this.#isMine) rmSync(this.#path, { force: true });
  }
}
