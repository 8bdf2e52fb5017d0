import { statfs } from 'node:fs/promises';
import type { Clock, Timer } from '@sluice/clock';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';

const LOOK_EVERY_MS = 1_000;
/**
 * What must stay free. PostgreSQL crashes when it cannot make its next 16 MiB of write-ahead log, and comes back only
 * when it can: so calls are refused while there is room for a few of them, and for what audit has yet to take in.
 */
export const RESERVE_BYTES = 96 * 1024 * 1024;

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
    void this.look();
  }

  /** Whether new records may be written. */
  get enough(): boolean {
    return this.#freeBytes >= RESERVE_BYTES;
  }

  health(): HealthState {
    return this.enough ? { status: 'ok' } : { status: 'down', detail: `less than ${RESERVE_BYTES / 2 ** 20} MiB are free in the data folder` };
  }

  /** Looks now; otherwise it is done every second. */
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
