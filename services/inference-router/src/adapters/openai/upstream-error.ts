import { ServiceError } from '@sluice/errors';
import { BackendFault } from '../../domain/backend-fault.ts';
import { REFUSAL_MESSAGE_LIMIT_CHARACTERS, RETRY_AFTER_LIMIT_SECONDS } from './limits.ts';

const FAILED = "The model's backend failed.";
const PLAIN_TYPE = /^[a-z][a-z0-9_]{0,63}$/;
const PLAIN_CODE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const PARAM_LIMIT_CHARACTERS = 256;

/** The mistakes of whoever deployed, by their status. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  401: 'The backend refused the credential (HTTP 401).',
  403: 'The backend refused the credential (HTTP 403).',
  404: 'The backend does not know the address or the model (HTTP 404).',
};

type Json = Readonly<Record<string, unknown>>;

/** An answer that is not what the protocol allows. `why` is for the log and free of content. */
export function rubbish(why: string, cause?: unknown): ServiceError {
  return new ServiceError('upstream_error', FAILED, { cause: new BackendFault(`The backend did not answer by the protocol: ${why}.`, undefined, cause) });
}

/**
 * What an HTTP status of the backend means to the client.
 *
 * A refusal of the request goes on to the client in the backend's words. 401, 403 and 404 are the fault of whoever
 * deployed (credential, address, model name), so they say nothing to the client.
 */
export function errorOfStatus(status: number, body: string, retryAfter: string | undefined, nowMs: number): ServiceError {
  const envelope = parseObject(body);
  const error = envelope && errorOf(envelope);
  const wait = waitOf(retryAfter, nowMs);
  const cause = new BackendFault(STATUS_WORDS[status] ?? `The backend answered HTTP ${status}.`, status);
  if (status === 429) return limited(error, wait, cause);
  if (status === 408 || status === 504) return new ServiceError('upstream_timeout', "The model's backend took too long.", { ...wait, cause });
  const isRefusal = status >= 400 && status < 500 && ![401, 402, 403, 404, 405, 407].includes(status);
  if (isRefusal && error) return refused(status, error, cause);
  return new ServiceError('upstream_error', FAILED, { ...wait, cause });
}

/** An error in the middle of a stream that began with 200; `error` is the object or text that came. */
export function errorInBand(error: unknown): ServiceError {
  const fields: Json = isObject(error) ? error : { message: error };
  const cause = new BackendFault('The backend sent an error in its stream.');
  const status = [fields['status'], fields['code']].find((value) => typeof value === 'number' && value >= 400 && value < 600);
  if (status === 429 || fields['code'] === 'rate_limit_exceeded') return limited(fields, {}, cause);
  if (status === 400 || status === 422 || fields['type'] === 'invalid_request_error') return refused(400, fields, cause);
  return new ServiceError('upstream_error', FAILED, { cause });
}

function limited(error: Json | undefined, wait: { retryAfterSeconds?: number }, cause: Error): ServiceError {
  // Waiting does not help an account without quota; another deployment may.
  if (error?.['code'] === 'insufficient_quota' || error?.['type'] === 'insufficient_quota') {
    return new ServiceError('upstream_error', "The model's backend has no quota left.", { cause });
  }
  return new ServiceError('upstream_rate_limited', "The model's backend is receiving too many requests.", { ...wait, cause });
}

function refused(status: number, error: Json, cause: Error): ServiceError {
  const message = typeof error['message'] === 'string' && error['message'] !== '' ? error['message'] : "The model's backend refused the request.";
  const type = error['type'];
  const param = error['param'];
  return new ServiceError('upstream_refused', message.slice(0, REFUSAL_MESSAGE_LIMIT_CHARACTERS).toWellFormed(), {
    upstream: {
      status,
      // vLLM and others put class names and numbers here; clients read OpenAI's words.
      type: typeof type === 'string' && PLAIN_TYPE.test(type) ? type : 'invalid_request_error',
      code: codeOf(error['code'], message),
      param: typeof param === 'string' && param !== '' ? param.slice(0, PARAM_LIMIT_CHARACTERS).toWellFormed() : null,
    },
    cause,
  });
}

function codeOf(code: unknown, message: string): string | null {
  if (typeof code === 'string' && PLAIN_CODE.test(code) && !/^\d+$/.test(code)) return code;
  return /maximum context length/i.test(message) ? 'context_length_exceeded' : null;
}

/**
 * OpenAI's `{error: {...}}`, `{error: "text"}`, FastAPI's `{detail: ...}`, or what vLLM before 0.11 and Mistral's API send:
 * the error without an envelope, whose message may be FastAPI's body in its turn.
 */
function errorOf(body: Json): Json | undefined {
  const error = body['error'];
  if (isObject(error)) return error;
  if (typeof error === 'string') return { message: error };
  if (String(body['object']).toLowerCase() === 'error') {
    const message = body['message'];
    if (typeof message === 'string') return body;
    if (isObject(message)) return errorOf({ detail: message['detail'] });
  }
  const detail = body['detail'];
  if (typeof detail === 'string') return { message: detail };
  const first: unknown = Array.isArray(detail) ? detail[0] : undefined;
  if (isObject(first)) return { message: first['msg'], param: Array.isArray(first['loc']) ? first['loc'].filter((part) => part !== 'body').join('.') : null };
  return undefined;
}

/** Retry-After as seconds or as an HTTP date (RFC 9110, section 10.2.3). */
function waitOf(retryAfter: string | undefined, nowMs: number): { retryAfterSeconds?: number } {
  if (retryAfter === undefined) return {};
  const seconds = /^\d+(\.\d+)?$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - nowMs) / 1000;
  if (!Number.isFinite(seconds)) return {};
  return { retryAfterSeconds: Math.min(Math.max(seconds, 1), RETRY_AFTER_LIMIT_SECONDS) };
}

/** A text as a JSON object; undefined for everything else. */
export function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
