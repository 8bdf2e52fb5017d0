export interface DurationTotal {
  count: number;
  ns: bigint;
}

/** What happened to the requests of one model since it was loaded. */
export class ModelStatistics {
  readonly success: DurationTotal = { count: 0, ns: 0n };
  readonly fail: DurationTotal = { count: 0, ns: 0n };
  readonly cancel: DurationTotal = { count: 0, ns: 0n };
  /** Time spent waiting for a sequence. */
  readonly queue: DurationTotal = { count: 0, ns: 0n };
  lastInferenceMs = 0;

  add(kind: 'success' | 'fail' | 'cancel' | 'queue', durationMs: number): void {
    const total = this[kind];
    total.count++;
    total.ns += BigInt(Math.round(durationMs * 1e6));
  }
}
