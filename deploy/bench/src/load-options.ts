import type { Percentiles } from './percentiles.ts';

export interface LoadOptions {
  readonly port: number;
  readonly key: string;
  readonly model: string;
  readonly connections: number;
  readonly durationMs: number;
  /** One call per connection, however long it takes. */
  readonly once: boolean;
  readonly stream: boolean;
  readonly chunks: number;
  readonly gapMs: number;
  /** A connection begins a call this often at most; without it, as soon as the one before has ended. */
  readonly everyMs?: number;
}

export interface LoadResult {
  readonly answered: number;
  readonly chunks: number;
  readonly durationMs: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly latencyMs: Percentiles;
  readonly firstTokenMs: Percentiles;
  readonly transitMs: Percentiles;
}
