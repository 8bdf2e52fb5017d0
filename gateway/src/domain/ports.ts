import type { ServiceError } from '@sluice/errors';
import type { BudgetRefusal, Grant, Hold } from '@sluice/proto/billing/v1/billing';
import type { FilteredOutput, InputVerdict } from '@sluice/proto/content_filter/v1/content_filter';
import type { RecordSource } from '@sluice/segment';
import type { Call, Events, Principal, TokenCounts } from './call.ts';
import type { ServingModel } from './output-visibility.ts';

/** Runs a call on a model. */
export interface Router {
  /** The answer as it is produced, in batches; a call that is not streamed too. Aborting the signal cancels down to the backend. */
  stream(routed: RoutedCall, signal: AbortSignal): AsyncIterable<Events>;
  /**
   * The tokens of the call's prompt, as whatever answers it will count them; undefined when that is not known. Nothing is
   * generated, and nothing leaves the house. Throws when it is not told in time.
   */
  countInput(counted: CountedCall, signal: AbortSignal): Promise<number | undefined>;
}

/** Tells what a model that is no language model takes and gives. */
export interface ModelDescriber {
  /** As a server that has it says now. Throws `invalid_value` for a model of language, `model_not_found` for a version that is not there, and as a call does where no server answers. */
  describe(model: DescribedModel, signal: AbortSignal): Promise<ModelDescription>;
}

export interface DescribedModel {
  readonly principal: Principal;
  readonly modelId: string;
  /** By its number; empty: any. */
  readonly version: string;
}

/** With the names of the server. */
export interface ModelDescription {
  /** Numbers of the versions that take calls. */
  readonly versions: readonly number[];
  /** An encoded `inference.ModelMetadataResponse` and an encoded `inference.ModelConfig`. */
  readonly metadata: Uint8Array;
  readonly config: Uint8Array;
}

/** A call whose prompt is to be counted. */
export type CountedCall = Pick<RoutedCall, 'callId' | 'principal' | 'call' | 'modelId'>;

/** A call on its way to a model. */
export interface RoutedCall {
  readonly callId: string;
  readonly principal: Principal;
  readonly call: Call;
  /** What the name was resolved to when it was judged that the key may use it. */
  readonly modelId: string;
  /** The admission is not durable yet: the prompt may not leave the house. Throws `admission_required` when it would have to. */
  readonly insideOnly: boolean;
  /** The backend is asked for a stream although the client wants a whole answer: it may have to be stopped on the way. */
  readonly asStream: boolean;
}

/** What may go into a model and come out of one: the content filter. */
export interface ContentFilter {
  /** Begins a call's way through the filter; nothing is asked yet. */
  begin(): FilterTalk;
}

/** One call's way through the filter. Whatever goes wrong is `content_filter_unavailable`: nothing may pass then. */
export interface FilterTalk {
  /** Asked once, first. Pins the version of the rules. */
  input(asked: { readonly callId: string; readonly principal: Principal; readonly call: Call }): Promise<InputVerdict>;
  /** What of the output may leave now; `last`: nothing follows, so what was held is decided. */
  output(events: Events, last: boolean): Promise<FilteredOutput>;
  /** Nothing more is asked. */
  end(): void;
}

/** Money: billing. */
export interface Billing {
  /** Begins a call's way with money; nothing is asked yet. */
  begin(): SpendTalk;
}

/** One call's way with money. Whatever goes wrong before its end is `billing_unavailable`. */
export interface SpendTalk {
  /** Asked first; once more with another input bound, and what was held before goes back. A refusal leaves nothing held. */
  hold(asked: HoldAsked): Promise<Granted>;
  /** Gives the hold that there is then: it covers this much output, or less when less is affordable. */
  extend(asked: ExtensionAsked): Promise<Hold>;
  /** Tells once when billing ended the conversation, now or before, while nothing was asked: what it set aside may be forgotten there. */
  onBroken(listener: (error: ServiceError) => void): void;
  /** Resolves when the money that was not spent is back, or it was not to be had in time; that is logged, and does not fail: billing settles from the log anyway. */
  settle(counts: TokenCounts): Promise<void>;
  /** Nothing more is asked. */
  end(): void;
}

/** The values of `billing.v1.ExtendRequest`. */
export interface ExtensionAsked {
  readonly outputTokens: number;
  /** What the backend reported, where that is more than is held. */
  readonly counts?: TokenCounts;
  /** What the backend has counted of the input; undefined as long as it has not. */
  readonly inputTokens?: bigint | undefined;
  /** To cover less is of no use: then the hold stays as it is. */
  readonly leastOutputTokens?: number;
}

/** The values of `billing.v1.HoldRequest`. */
export interface HoldAsked extends Place {
  readonly callId: string;
  readonly principal: Principal;
  /** Name of the model in the registry. */
  readonly modelName: string;
  /** More than the input can amount to. */
  readonly inputTokensBound: number;
  /** Output to cover before an extension, over all choices. */
  readonly outputTokens: number;
  /** The most output that is asked for, over all choices; 0: without bound. */
  readonly outputTokensBound: number;
  /** Less, over all choices, is of no use; 0: one token. */
  readonly leastOutputTokens: number;
}

/** What billing gives; `inputIsTight`: with an exact count of the input it may give more. */
export type Granted = { readonly inputIsTight: boolean } & (
  | { readonly refusal: BudgetRefusal }
  | { readonly refusal?: undefined; readonly hold: Hold; readonly price: NonNullable<Grant['price']>; readonly affordableOutputTokens: number }
);

/** Where a call will be recorded: the process on the log, and its epoch. */
export interface Place {
  readonly producer: string;
  readonly epoch: bigint;
}

/** Where the records of calls become durable: the segment writer. */
export interface Segments {
  /** Throws `draining`, `disk_full` or `audit_log_unavailable` when a new call could not be recorded now. */
  accepting(): void;
  /** Where a call that is opened in this turn will be recorded, or else lost; undefined while no epoch is held. */
  readonly place: Place | undefined;
  /** Resolves when an epoch is held again, or none is being taken. */
  placed(): Promise<void>;
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

export type ModelView = ({ readonly state: 'usable'; readonly modelName: string; readonly leavesHouse: boolean } & ServingModel) | { readonly state: 'not_allowed' | 'unknown' };

/** Where released output goes: the client's connection. */
export interface Sink {
  /** Takes acknowledged events. */
  release(events: Events): void;
  /** Resolves when the client has read enough to go on; undefined when it already has. */
  drained(): Promise<void> | undefined;
}
