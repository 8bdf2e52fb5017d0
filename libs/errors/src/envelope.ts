import type { ServiceError } from './service-error.ts';

/** OpenAI's error body: all four keys, always. */
export interface ErrorEnvelope {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

const DEFAULT_RETRY_AFTER_SECONDS = 1;

/** The only place that builds an error body. */
export function toEnvelope(error: ServiceError): ErrorEnvelope {
  const upstream = error.upstream;
  return {
    error: {
      message: error.message,
      type: upstream?.type ?? error.row.type,
      param: upstream ? upstream.param : (error.param ?? null),
      code: upstream ? upstream.code : error.row.openai,
    },
  };
}

/** Whole seconds for the header Retry-After, or undefined when a retry would not help. */
export function retryAfterSeconds(error: ServiceError): number | undefined {
  if (!error.row.retryable) return undefined;
  return Math.max(1, Math.ceil(error.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS));
}
