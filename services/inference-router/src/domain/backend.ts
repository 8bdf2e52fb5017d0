import type { ChatCall, ChatEvent } from '@sluice/proto/chat/v1/chat';

/** One place that can answer calls of one deployment: an OpenAI-compatible server, or a KServe v2 server. */
export interface Backend {
  /**
   * Answers one call. Yields the events that each read from the backend brought, first `Started`, last `Usage`.
   * Throws ServiceError: before the first yield the call was not begun and may be tried elsewhere when the code speaks
   * of the deployment (verdict.ts); after it the answer broke off.
   * Ahead of `Started` a batch of one `Attempt` says that the server refused to be asked like this, and is asked once more;
   * nothing is begun by it.
   * Leaving the loop or aborting the signal cancels the call at the backend.
   */
  chat(call: BackendCall, signal: AbortSignal): AsyncIterable<ChatEvent[]>;
  /**
   * The tokens of the prompt that this call becomes, exactly as an answer to it would count them; undefined when the server
   * cannot tell. Generates nothing. Absent where the protocol has no such question.
   */
  countInput?(call: BackendCall, signal: AbortSignal): Promise<number | undefined>;
  /**
   * As `chat`, of a call with tensors: a model of language, and what else is asked of the wrong kind of model, is `invalid_value`.
   * Absent where the protocol has no tensors.
   */
  infer?(call: BackendCall, signal: AbortSignal): AsyncIterable<ChatEvent[]>;
  /** What the model takes and gives; errors as `infer`. */
  describe?(signal: AbortSignal): Promise<ModelFacts>;
  /** What the server counted of its own work when it was last asked; absent where it does not count. */
  statistics?(): BackendStatistics | undefined;
  /** Resolves when the backend can take calls; throws with a content-free reason otherwise. */
  probe(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** An encoded `inference.ModelMetadataResponse` and an encoded `inference.ModelConfig`, with the names of the server. */
export interface ModelFacts {
  readonly metadata: Uint8Array;
  readonly config: Uint8Array;
}

/** Counted by the server since it loaded the model: a reload begins anew. */
export interface BackendStatistics {
  /** Requests that were executed, one by one. */
  readonly inferences: number;
  /** Executions: fewer than inferences where requests were batched. */
  readonly executions: number;
  readonly failures: number;
  /** Time that executed requests spent in the server's queue, all together. */
  readonly queueSeconds: number;
  /** Executions by how many requests each took. */
  readonly batches: ReadonlyMap<number, number>;
}

export interface BackendCall {
  readonly callId: string;
  readonly call: ChatCall;
  readonly versionId: string;
  readonly deploymentId: string;
  /** The model's name at the backend. */
  readonly upstreamModel: string;
  /** Of a call with tensors: outputs that the client wants as JSON, which is for few elements; empty: all; absent: none. */
  readonly jsonOutputs?: readonly string[] | undefined;
}
