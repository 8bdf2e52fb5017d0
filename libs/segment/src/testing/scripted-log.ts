import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { StoredSegment } from '@sluice/events';
import { LEASE_MS } from '../limits.ts';
import { decodeSegment } from '../open-segment.ts';
import type { SegmentWriterDependencies } from '../writer.ts';

/** What becomes of an append: stored or not, and what its sender hears. */
export type AppendFate = 'acknowledged' | 'stored, unknown' | 'dropped, unknown' | 'stored, silent' | 'dropped, silent' | 'disk full';

interface PendingAppend {
  readonly segment: StoredSegment;
  readonly resolve: () => void;
  readonly reject: (error: ServiceError) => void;
}

interface Epoch {
  closed: boolean;
  /** Until when the producer may release, by what the log answered. */
  leaseUntilMs: number;
  readonly segments: StoredSegment[];
}

/** The log's side of the contract, kept strictly; the script decides what arrives and what is heard. */
export class ScriptedLog {
  readonly epochs: Epoch[] = [];
  readonly pending: PendingAppend[] = [];
  readonly faults: string[] = [];
  reach: 'up' | 'down' | 'silent' = 'up';
  isFull = false;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly events: SegmentWriterDependencies['events'] = {
    hasRoom: () => !this.isFull,
    takeEpoch: (producer) => this.#reached(() => {
      for (const epoch of this.epochs) epoch.closed = true;
      this.epochs.push({ closed: false, leaseUntilMs: this.#clock.monotonicMs() + LEASE_MS, segments: [] });
      return producer ? BigInt(this.epochs.length) : 0n;
    }),
    renewEpoch: (_producer, number) => this.#reached(() => {
      const epoch = this.#epoch(number);
      if (epoch.closed) throw new ServiceError('epoch_lost', 'closed');
      epoch.leaseUntilMs = this.#clock.monotonicMs() + LEASE_MS;
    }),
    closeEpoch: (_producer, number) => this.#reached(() => {
      const epoch = this.#epoch(number);
      const before = epoch.closed;
      epoch.closed = true;
      return !before;
    }),
    appendSegment: (segment) => new Promise<void>((resolve, reject) => void this.pending.push({ segment, resolve, reject })),
  };

  /** Decides the fate of the oldest append that has none yet. */
  answer(fate: AppendFate): void {
    const append = this.pending.shift();
    if (!append) return;
    if (fate === 'disk full') return append.reject(new ServiceError('disk_full', 'full'));
    if (fate.startsWith('stored') || fate === 'acknowledged') {
      if (this.#epoch(append.segment.epoch).closed) return append.reject(new ServiceError('epoch_lost', 'closed'));
      this.#store(append.segment);
    }
    if (fate === 'acknowledged') append.resolve();
    else if (fate.endsWith('unknown')) append.reject(new ServiceError('audit_log_unavailable', 'away'));
  }

  /** Someone else (audit, or the same producer started twice) closes the epoch. */
  closeCurrent(): void {
    const current = this.epochs.at(-1);
    if (current) current.closed = true;
  }

  /** `call:number` of every record, in the order of the log. */
  labels(): string[] {
    return this.epochs.flatMap(({ segments }) => segments).flatMap((segment) => decodeSegment(segment.bytes).records)
      .filter(({ record }) => record.case === 'output')
      .map(({ callId, record }) => `${callId}:${record.case === 'output' ? record.value.events : ''}`);
  }

  leaseUntilMs(): number {
    return this.epochs.at(-1)?.leaseUntilMs ?? -1;
  }

  #store(segment: StoredSegment): void {
    const { segments } = this.#epoch(segment.epoch);
    const at = Number(segment.seq);
    const known = segments[at];
    if (known) {
      if (Buffer.compare(known.bytes, segment.bytes) !== 0) this.faults.push(`segment ${segment.epoch}/${segment.seq} came with other bytes`);
    } else if (at === segments.length) segments.push(segment);
    else this.faults.push(`segment ${segment.epoch}/${segment.seq} left a gap behind ${segments.length}`);
  }

  #epoch(number: bigint): Epoch {
    const epoch = this.epochs[Number(number) - 1];
    if (!epoch) throw new Error(`no epoch ${number}`);
    return epoch;
  }

  async #reached<T>(act: () => T): Promise<T> {
    if (this.reach === 'down') throw new ServiceError('audit_log_unavailable', 'away');
    if (this.reach === 'silent') return await new Promise<never>(() => undefined);
    return act();
  }
}
