import { ServiceError, retryAfterSeconds } from '@sluice/errors';
import type { FastifyError } from 'fastify';
import { RateLimitRefusal } from '../domain/limits/rate-limit-refusal.ts';
import { errorBody } from '../domain/told-error.ts';
import { ADMIN_BODY_LIMIT_BYTES, BODY_LIMIT_BYTES } from './limits.ts';
import { NO_RETRY, refusalHeaders } from './rate-limit-headers.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An error as an HTTP answer: OpenAI's envelope with all four members. */
export function errorAnswer(error: ServiceError, requestId: string): ErrorAnswer {
  return {
    status: error.httpStatus,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': requestId,
      ...retryHeaders(error),
      ...(error.code === 'draining' ? { connection: 'close' } : {}),
      ...(error.httpStatus === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: errorBody(error),
  };
}

/** Whether and when a client should come again with the same request, and how far limits are used that refused it. */
export function retryHeaders(error: ServiceError): Record<string, string> {
  const retryAfter = isVain(error) ? undefined : retryAfterSeconds(error);
  return {
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    ...(error instanceof RateLimitRefusal ? refusalHeaders(error) : {}),
    ...(error.code === 'insufficient_quota' && retryAfter === undefined ? NO_RETRY : {}),
  };
}

/** A request that is larger than its limit will be so again. */
function isVain(error: ServiceError): boolean {
  return error instanceof RateLimitRefusal && error.waitMs === undefined;
}

/** What Fastify and Node's parser complain about, in the house's words. */
export function fromFramework(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String((thrown as FastifyError).code) : '';
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ServiceError('request_too_large', `The request body is larger than this address takes (${BODY_LIMIT_BYTES} bytes; ${ADMIN_BODY_LIMIT_BYTES} for administration).`);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
      return new ServiceError('unsupported_media_type', "Unsupported media type: send 'Content-Type: application/json'.");
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new ServiceError('invalid_json', 'The body is not as long as its Content-Length says.');
    case 'FST_ERR_BAD_URL':
      return new ServiceError('unknown_url', 'Invalid URL.');
    case 'HPE_HEADER_OVERFLOW':
      return new ServiceError('headers_too_large', 'The request headers are too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ServiceError('request_timeout', 'The request took too long to arrive.');
    default:
      return code.startsWith('HPE_') ? new ServiceError('invalid_json', 'The request is not valid HTTP.') : ServiceError.from(thrown);
  }
}
