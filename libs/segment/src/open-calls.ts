import type { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import type { RecordSource } from './record.ts';

/** The calls that are under way, and what each was told: `acknowledged` any number of times, `lost` once and nothing after it. */
export class OpenCalls {
  readonly #open = new Set<RecordSource>();
  readonly #lost = new WeakSet<RecordSource>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): Iterator<RecordSource> {
    return this.#open.values();
  }

  open(source: RecordSource): void {
    if (!this.#lost.has(source)) this.#open.add(source);
  }

  close(source: RecordSource): void {
    this.#open.delete(source);
  }

  isLost(source: RecordSource): boolean {
    return this.#lost.has(source);
  }

  acknowledge(source: RecordSource): void {
    if (!this.#lost.has(source)) this.#tell(() => source.acknowledged());
  }

  lose(source: RecordSource, error: ServiceError): void {
    this.#open.delete(source);
    if (this.#lost.has(source)) return;
    this.#lost.add(source);
    this.#tell(() => source.lost(error));
  }

  /** A fault in one call must not keep the others from hearing. */
  #tell(news: () => void): void {
    try {
      news();
    } catch (thrown) {
      this.#logger.error({ error: thrown instanceof Error ? thrown : undefined }, 'a call failed while it was told about its records');
    }
  }
}
