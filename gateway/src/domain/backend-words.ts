import { ServiceError } from '@sluice/errors';

/** Codes of OpenAI that a program acts on; any other code of a backend is a word that it chose. */
const KNOWN_CODES: ReadonlySet<string | null> = new Set(['context_length_exceeded', 'invalid_value', 'invalid_type', 'unsupported_parameter', 'unsupported_value', 'unknown_parameter', 'missing_required_parameter']);

/**
 * An error without what a backend says in its own words: it may quote there what it read or produced, and no rule has
 * looked at that. Sluice's own errors stay as they are.
 */
export function withoutBackendWords(error: ServiceError): ServiceError {
  const { code, upstream, cause } = error;
  if (code !== 'upstream_refused') return error;
  const known = upstream && { status: upstream.status, type: 'invalid_request_error', code: KNOWN_CODES.has(upstream.code) ? upstream.code : null, param: null };
  return new ServiceError(code, "The model's backend refused the request. What it said is not passed on, because a rule of your organisation looks at answers.", { ...(known ? { upstream: known } : {}), cause });
}
