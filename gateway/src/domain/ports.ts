import type { RecordSource } from '@sluice/segment';
import type { Call, Events, Principal } from './call.ts';

/** Runs a call on a model. */
export interface Router {
  /** The answer as it is produced, in batches; a call that is not streamed too. Aborting the signal cancels down to the backend. */
  stream(routed: RoutedCall, signal: AbortSignal): AsyncIterable<Events>;
}

/** A call on its way to a model. */
export interface RoutedCall {
  readonly callId: string;
  readonly principal: Principal;
  readonly call: Call;
  /** What the name was resolved to when it was judged that the key may use it. */
  readonly modelId: string;
  /** The admission is not durable yet: the prompt may not leave the house. Throws `admission_required` when it would have to. */
  readonly insideOnly: boolean;
}

/** Where the records of calls become durable: the segment writer. */
export interface Segments {
  /** Throws `draining`, `disk_full` or `audit_log_unavailable` when a new call could not be recorded now. */
  accepting(): void;
  /** Announces an open call: from now on it hears when its records are lost. */
  open(source: RecordSource): void;
  close(source: RecordSource): void;
  /** The source has records to take. */
  enqueue(source: RecordSource): void;
}

/** Cryptographically strong random bytes, for salts. */
export type RandomBytes = (length: number) => Uint8Array;

/** Models and aliases, as keys see them. */
export interface Models {
  /** How a key sees a name: usable, not allowed to it, or not there. */
  resolve(principal: Principal, name: string): ModelView;
  /** What a key may call, by name. */
  list(principal: Principal): readonly NamedModel[];
}

/** A name a key may call. */
export interface NamedModel {
  readonly name: string;
  readonly createdAtMs: number;
}

export type ModelView = { readonly state: 'usable'; readonly modelId: string; readonly leavesHouse: boolean } | { readonly state: 'not_allowed' | 'unknown' };

/** Where released output goes: the client's connection. */
export interface Sink {
  /** Takes acknowledged events. */
  release(events: Events): void;
  /** Resolves when the client has read enough to go on; undefined when it already has. */
  drained(): Promise<void> | undefined;
}
