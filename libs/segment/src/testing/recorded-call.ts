import type { ServiceError } from '@sluice/errors';
import type { PendingRecord, RecordSource } from '../record.ts';

/** A call that writes numbered records and remembers what it was told. */
export class RecordedCall implements RecordSource {
  readonly id: string;
  readonly projectId: string;
  readonly taken: string[] = [];
  readonly acknowledgedLabels = new Set<string>();
  readonly news: string[] = [];
  error: ServiceError | undefined;
  readonly #bodyBytes: number;
  readonly #onAcknowledged: (call: RecordedCall) => void;
  #written = 0;

  constructor(id: string, options: { projectId?: string; bodyBytes?: number; onAcknowledged?: (call: RecordedCall) => void } = {}) {
    this.id = id;
    this.projectId = options.projectId ?? 'p';
    this.#bodyBytes = options.bodyBytes ?? 10;
    this.#onAcknowledged = options.onAcknowledged ?? (() => undefined);
  }

  write(count = 1): this {
    this.#written += count;
    return this;
  }

  /** Every record written was acknowledged. */
  get settled(): boolean {
    return this.acknowledgedLabels.size === this.#written;
  }

  take(): PendingRecord[] {
    const records: PendingRecord[] = [];
    while (this.taken.length < this.#written) {
      const number = this.taken.length;
      this.taken.push(`${this.id}:${number}`);
      records.push({
        callId: this.id,
        record: { case: 'output', value: { events: BigInt(number) } },
        body: { case: 'output', value: { events: [{ event: { case: 'delta', value: { text: 'x'.repeat(this.#bodyBytes) } } }] } },
      });
    }
    return records;
  }

  acknowledged(): void {
    this.news.push('acknowledged');
    for (const label of this.taken) this.acknowledgedLabels.add(label);
    this.#onAcknowledged(this);
  }

  lost(error: ServiceError): void {
    this.news.push('lost');
    this.error = error;
  }
}
