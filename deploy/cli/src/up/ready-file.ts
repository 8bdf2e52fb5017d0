import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkPlaceForFile } from '../data-folder/place-for-file.ts';
import { writePrivateFile } from '../data-folder/private-file.ts';

/** What the ready file holds. */
export interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  /** `host:port` of KServe v2 over gRPC, where it is served. */
  readonly grpcAddress?: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly pid: number;
}

/** Tells whoever started this process that it is ready; removed when it stops. */
export class ReadyFile {
  readonly #path: string | undefined;

  /** Removes a file that an earlier run left behind, so that nobody takes it for this one's. Throws a CommandFailed where none can be written. */
  constructor(path: string | undefined) {
    this.#path = path === undefined ? undefined : resolve(path);
    if (this.#path === undefined) return;
    checkPlaceForFile(this.#path, 'the ready file');
    this.remove();
  }

  write(ready: Ready): void {
    if (this.#path !== undefined) writePrivateFile(this.#path, `${JSON.stringify(ready)}\n`);
  }

  remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }
}
