import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { isErrno } from '../data-folder/private-file.ts';

const ROTATE_AT_BYTES = 16 * 1024 * 1024;
const KEPT_FILES = 3;
const FLUSH_MS = 100;
const FLUSH_AT_BYTES = 64 * 1024;

export interface LogFileLimits {
  readonly rotateAtBytes?: number;
}

/**
 * The log of the running platform: `sluice.log`, then `.1` and `.2`, older ones are dropped. Lines are collected for
 * a tenth of a second, because a system call for each would be paid by the requests.
 */
export class LogFile {
  readonly #path: string;
  readonly #rotateAtBytes: number;
  #file: number;
  #sizeBytes: number;
  #pending: string[] = [];
  #pendingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(path: string, { rotateAtBytes = ROTATE_AT_BYTES }: LogFileLimits = {}) {
    this.#path = path;
    this.#rotateAtBytes = rotateAtBytes;
    this.#file = openSync(path, 'a', 0o600);
    this.#sizeBytes = fstatSync(this.#file).size;
  }

  /** Takes one line that ends in a newline; one that comes after the end is dropped: the number of the file may be another's by then. */
  write(line: string): void {
    if (this.#isClosed) return;
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    if (this.#pendingBytes >= FLUSH_AT_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  /** Hands all lines to the operating system. A full disk costs log lines, never the platform. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.length === 0) return;
    const bytes = Buffer.from(this.#pending.join(''));
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#rotateAtBytes) this.#rotate();
      this.#sizeBytes += writeSync(this.#file, bytes);
    } catch (error) {
      if (!isErrno(error, 'ENOSPC') && !isErrno(error, 'EDQUOT') && !isErrno(error, 'EIO')) throw error;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    closeSync(this.#file);
  }

  #rotate(): void {
    closeSync(this.#file);
    for (let age = KEPT_FILES - 2; age >= 0; age--) moveIfThere(age === 0 ? this.#path : `${this.#path}.${age}`, `${this.#path}.${age + 1}`);
    this.#file = openSync(this.#path, 'a', 0o600);
    this.#sizeBytes = 0;
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
