import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import { z } from 'zod';

/** Files remembered; more than anyone has, and few enough to be written whole each time. */
const FILES_LIMIT = 1_000;

/** A thousand of the longest paths; what is larger is not this file. */
const FILE_LIMIT_BYTES = 8 * 1024 * 1024;

const OWNER_ONLY = 0o600;
const WRITABLE_BY_OTHERS = 0o022;

const content = z.object({
  version: z.literal(1),
  files: z.array(z.object({ path: z.string(), stamp: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) })).max(FILES_LIMIT),
});

interface Entry {
  readonly stamp: string;
  readonly digest: string;
}

/**
 * The digests of weights, kept in a file of the data folder from one start to the next. It only saves time: when it
 * cannot be read, or is something else, nothing is known; when it cannot be written, it is said and the rest goes on.
 * Who can write it can have other weights accepted, so it lies where the keys lie, for the owner alone.
 */
export class DigestFile {
  readonly #path: string | undefined;
  readonly #logger: Logger;
  readonly #read: Promise<Map<string, Entry>>;
  #written: Promise<void> = Promise.resolve();

  /** Without a path digests are known until the process ends. */
  constructor(path: string | undefined, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
    this.#read = this.#readAll();
  }

  /** The digest of the file when it had this stamp. */
  async find(path: string, stamp: string): Promise<string | undefined> {
    const entry = (await this.#read).get(path);
    return entry?.stamp === stamp ? entry.digest : undefined;
  }

  /** Resolves when it is written, or when it was said that it could not be; never rejects. */
  async keep(path: string, stamp: string, digest: string): Promise<void> {
    const entries = await this.#read;
    entries.delete(path);
    entries.set(path, { stamp, digest });
    // The one that was learned first goes first.
    for (const oldest of entries.keys()) {
      if (entries.size <= FILES_LIMIT) break;
      entries.delete(oldest);
    }
    await (this.#written = this.#written.then(() => this.#writeAll(entries)));
  }

  /** Resolves when all that was to be kept is written. */
  async settled(): Promise<void> {
    await this.#read;
    await this.#written;
  }

  async #readAll(): Promise<Map<string, Entry>> {
    if (this.#path === undefined) return new Map();
    try {
      const found = await stat(this.#path);
      if (!found.isFile() || found.size > FILE_LIMIT_BYTES) throw new Error('not a file, or too large');
      if ((found.mode & WRITABLE_BY_OTHERS) !== 0) throw new Error('others may write it');
      const { files } = content.parse(JSON.parse(await readFile(this.#path, 'utf8')));
      return new Map(files.map(({ path, stamp, digest }) => [path, { stamp, digest }]));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') this.#warn(thrown, 'the digests of known weights cannot be read; weights are hashed again');
      return new Map();
    }
  }

  /** A reader sees all of it or the one before, also after a crash. */
  async #writeAll(entries: ReadonlyMap<string, Entry>): Promise<void> {
    if (this.#path === undefined) return;
    // One name, so that a crash leaves one draft at most: the data folder has one user, which writes one after the other.
    const draft = `${this.#path}.new`;
    const text = JSON.stringify({ version: 1, files: [...entries].map(([path, entry]) => ({ path, ...entry })) });
    try {
      await writeThrough(draft, `${text}\n`);
      await rename(draft, this.#path);
      await syncFolder(dirname(this.#path));
    } catch (thrown) {
      this.#warn(thrown, 'the digests of known weights cannot be written; weights are hashed again at the next start');
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }

  #warn(thrown: unknown, message: string): void {
    this.#logger.warn({ error: ServiceError.from(thrown) }, message);
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', OWNER_ONLY);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
