import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { CommandFailed } from '../exit-code.ts';
import type { NewKey } from './plan/plan.ts';

const OWNER_ONLY = 0o600;

/** A file of new keys that only its owner may read: a JSON document a line, added behind what stands there, each on the disk before the next key is made. */
export class KeyFile {
  readonly #file: number;

  /** Opened before anything is changed: a key that could not be written down would be lost. @throws CommandFailed */
  constructor(path: string) {
    this.#file = openSync(path, 'a', OWNER_ONLY);
    const found = fstatSync(this.#file);
    if (!found.isFile() || found.uid !== process.getuid?.()) {
      closeSync(this.#file);
      throw new CommandFailed(`${path} is no file of this user: keys are not written there.`);
    }
    fchmodSync(this.#file, OWNER_ONLY);
  }

  add(key: NewKey): void {
    writeSync(this.#file, `${JSON.stringify(key)}\n`);
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}
