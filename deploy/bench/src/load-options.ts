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
