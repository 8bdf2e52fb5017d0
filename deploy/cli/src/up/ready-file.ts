import { rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { writePrivateFile } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';

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

  /** Removes a file that an earlier run left behind, so that nobody takes it for this one's. */
  constructor(path: string | undefined) {
    this.#path = path === undefined ? undefined : resolve(path);
    if (this.#path === undefined) return;
    if (!existsSync(dirname(this.#path))) throw new CommandFailed(`There is no folder ${dirname(this.#path)} for the ready file.`);
    this.remove();
  }

  write(ready: Ready): void {
    if (this.#path !== undefined) writePrivateFile(this.#path, `${JSON.stringify(ready)}\n`);
  }

  remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }
}
