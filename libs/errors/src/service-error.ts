import { CODES, type Code, type CodeRow } from './codes.ts';

export interface ServiceErrorDetail {
  /** Path of the request field at fault, as OpenAI writes it: `messages[0].content`. */
  readonly param?: string;
  /** Seconds after which a retry makes sense; sent as Retry-After. */
  readonly retryAfterSeconds?: number;
  /** The backend's own refusal, passed on unchanged to the client (only with `upstream_refused`). */
  readonly upstream?: UpstreamRefusal;
  /** For the log only; never shown to a caller. */
  readonly cause?: unknown;
}

/** What an OpenAI-compatible backend answered instead of an answer. */
export interface UpstreamRefusal {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
}

/** The one error of the house. `message` is public: it may name a field, never quote a prompt, an answer or a key. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: Code;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly upstream: UpstreamRefusal | undefined;

  constructor(code: Code, message: string, detail: ServiceErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.param = detail.param;
    this.retryAfterSeconds = detail.retryAfterSeconds;
    this.upstream = detail.upstream;
  }

  get row(): CodeRow {
    return CODES[this.code];
  }

  get httpStatus(): number {
    return this.upstream?.status ?? this.row.http;
  }

  /** The one door for anything thrown: what is not a ServiceError becomes `internal` with a fixed text. */
  static from(thrown: unknown): ServiceError {
    if (thrown instanceof ServiceError) return thrown;
    if (isAbort(thrown)) {
      return thrown.reason instanceof ServiceError ? thrown.reason : new ServiceError('cancelled', 'The call was cancelled.', { cause: thrown });
    }
    return new ServiceError('internal', 'The server had an error while processing your request.', { cause: thrown });
  }
}

/** By name, because an abort may be a DOMException of another realm. */
function isAbort(thrown: unknown): thrown is { reason?: unknown } {
  return typeof thrown === 'object' && thrown !== null && 'name' in thrown && thrown.name === 'AbortError';
}
