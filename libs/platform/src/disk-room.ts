import { statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Clock, Timer } from '@sluice/clock';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';

const LOOK_EVERY_MS = 1_000;
/**
 * What must stay free. PostgreSQL crashes when it cannot make its next 16 MiB of write-ahead log, and comes back only
 * when it can: so calls are refused while there is room for a few of them, and for what audit has yet to take in.
 */
const RESERVE_BYTES = 96 * 1024 * 1024;

/** What a new database takes before it holds anything, with the next part of its write-ahead log. */
const NEW_DATABASE_BYTES = 64 * 1024 * 1024;

/** What must be free under a folder for a start that takes calls: with `isNew` the database is made first. */
export function startRoom(folder: string, isNew: boolean): { readonly freeBytes: number; readonly neededBytes: number } {
  const { bavail, bsize } = statfsSync(folder);
  return { freeBytes: bavail * bsize, neededBytes: RESERVE_BYTES + (isNew ? NEW_DATABASE_BYTES : 0) };
}

/** Watches the free space of the disk under a folder. */
export class DiskRoom {
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #timer: Timer;
  #freeBytes = Number.POSITIVE_INFINITY;

  constructor(folder: string, clock: Clock, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
    this.#timer = clock.every(LOOK_EVERY_MS, () => void this.look());
  }

  /** Whether new records may be written. */
  get enough(): boolean {
    return this.#freeBytes >= RESERVE_BYTES;
  }

  health(): HealthState {
    return this.enough ? { status: 'ok' } : { status: 'down', detail: `less than ${RESERVE_BYTES / 2 ** 20} MiB are free in the data folder` };
  }

  /** Looks now, as must be done once before anyone asks; otherwise it is done every second. */
  async look(): Promise<void> {
    const before = this.enough;
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      this.#freeBytes = bavail * bsize;
    } catch (error) {
      this.#logger.warn({ error: error as Error }, 'the free space of the data folder cannot be told');
    }
    if (before === this.enough) return;
    if (this.enough) this.#logger.info({ freeBytes: this.#freeBytes }, 'the disk has room again; calls are taken');
    else this.#logger.error({ freeBytes: this.#freeBytes }, 'the disk is nearly full; new calls are refused until there is room');
  }

  stop(): void {
    this.#timer.cancel();
  }
}
