import type { UnitPrices } from '@sluice/pricing';
import type { CutBy } from './cut-by.ts';

/** A segment's place on the log. */
export interface Place {
  readonly producer: string;
  readonly epoch: bigint;
  readonly seq: bigint;
}

/** Token counts so far, cumulative over a call. */
export interface Counts {
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly reasoningTokens: bigint;
  readonly estimated: boolean;
}

export const NO_COUNTS: Counts = { inputTokens: 0n, outputTokens: 0n, cachedInputTokens: 0n, reasoningTokens: 0n, estimated: false };

/** Of a call from before there were prices. */
export const NO_PRICES: UnitPrices = { inputNano: 0n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n };

/** What was set aside for a call. */
export interface Hold {
  readonly amountNano: bigint;
  /** A budget applies: what is above the amount is charged to none. */
  readonly limited: boolean;
}

/** Of a call from before there were holds. */
export const NO_HOLD: Hold = { amountNano: 0n, limited: false };

/** How a call ended, as the index names it. */
export type EndStatus = 'answered' | 'disconnected' | 'failed' | 'abandoned' | 'refused';

/** Who called what; known when the call is admitted or refused. */
export interface Caller {
  readonly organisationId: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly model: string;
}

/** The last durable state of a call that runs. */
export interface Progress {
  readonly counts: Counts;
  readonly outputBytes: bigint;
  readonly outputChain: Uint8Array;
  readonly lastSeq: bigint;
}

/** A call that has no end yet. */
export interface OpenCall extends Caller, Progress {
  readonly callId: string;
  readonly producer: string;
  readonly epoch: bigint;
  /** Its cost belongs to that day. */
  readonly admittedAtMs: bigint;
  readonly prices: UnitPrices;
  readonly hold: Hold;
}

/** A salted commitment, as it came or as audit made it. */
export interface NamedHash {
  readonly name: string;
  readonly hash: Uint8Array;
}

/** The end of a call. */
export interface End {
  readonly status: EndStatus;
  readonly errorCode: string;
  readonly httpStatus: number;
  readonly endedAtMs: bigint;
  readonly counts: Counts;
  readonly outputBytes: bigint;
  readonly versionId: string;
  readonly deploymentId: string;
  readonly durationMs: number;
  readonly firstOutputMs: number;
  /** In nano-units, with the overrun. */
  readonly costNano: bigint;
  /** Part of the cost above a limited hold. */
  readonly overrunNano: bigint;
  readonly cutBy: CutBy;
}

/** The clear part of one record of a segment. */
export type Fact =
  | { readonly kind: 'admitted'; readonly callId: string; readonly caller: Caller; readonly stream: boolean; readonly admittedAtMs: bigint; readonly outputChain: Uint8Array; readonly prices: UnitPrices; readonly hold: Hold }
  | { readonly kind: 'output'; readonly callId: string; readonly counts: Counts; readonly outputBytes: bigint; readonly outputChain: Uint8Array; readonly hold: Hold | undefined }
  | { readonly kind: 'completed'; readonly callId: string; readonly end: End; readonly commitments: readonly NamedHash[] }
  | { readonly kind: 'refused'; readonly callId: string; readonly caller: Caller; readonly end: End; readonly commitments: readonly NamedHash[] }
  /** A piece of the body of the call's next record. */
  | { readonly kind: 'fragment'; readonly callId: string }
  /** A record that says nothing this version understands. */
  | { readonly kind: 'unknown'; readonly callId: string };

/** What a producer's stream brought, in order. */
export type Item =
  | { readonly kind: 'segment'; readonly place: Place; readonly facts: readonly Fact[] }
  | { readonly kind: 'late' | 'unreadable'; readonly place: Place; readonly bytes: Uint8Array }
  /** Behind the last segment of its epoch. `preceding`: the producer's epoch before it, where that is not the number before. */
  | { readonly kind: 'closed'; readonly place: Place; readonly preceding?: bigint };

/** How many calls of an epoch have their end in the log. */
export interface EpochEnds {
  readonly producer: string;
  readonly epoch: bigint;
  readonly ends: bigint;
}
