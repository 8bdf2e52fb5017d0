/**
 * The closed set of reasons why Sluice does not do what it was asked.
 *
 * A code is what programs read; it is stable, is recorded in the audit, and is documented in `docs/errors.md`
 * (a test compares both). The row says how it looks at the two borders: HTTP (OpenAI's envelope) and gRPC.
 */
export interface CodeRow {
  /** HTTP status of the answer. */
  readonly http: number;
  /** `error.type` of OpenAI's envelope. */
  readonly type: 'invalid_request_error' | 'authentication_error' | 'permission_error' | 'rate_limit_error' | 'insufficient_quota' | 'server_error' | 'service_unavailable_error';
  /** `error.code` of OpenAI's envelope; null where OpenAI sends null. */
  readonly openai: string | null;
  /** Canonical gRPC status number. */
  readonly grpc: number;
  /** True when the same request may succeed later without a change: the answer carries Retry-After. */
  readonly retryable: boolean;
}

const refusal = (http: number, openai: string | null, grpc = 3): CodeRow => ({ http, type: 'invalid_request_error', openai, grpc, retryable: false });
const away = (openai: string | null): CodeRow => ({ http: 503, type: 'service_unavailable_error', openai, grpc: 14, retryable: true });

export const CODES = {
  // The body or a field of it.
  invalid_json: refusal(400, null),
  invalid_type: refusal(400, 'invalid_type'),
  invalid_value: refusal(400, 'invalid_value'),
  missing_required_parameter: refusal(400, 'missing_required_parameter'),
  unknown_parameter: refusal(400, 'unknown_parameter'),
  unsupported_parameter: refusal(400, 'unsupported_parameter'),
  empty_array: refusal(400, 'empty_array'),
  too_deep: refusal(400, 'invalid_value'),
  content_policy_violation: refusal(400, 'content_policy_violation', 9),
  context_length_exceeded: refusal(400, 'context_length_exceeded'),
  request_too_large: refusal(413, 'request_too_large'),
  request_timeout: refusal(408, 'request_timeout', 4),
  unsupported_media_type: refusal(415, 'unsupported_media_type'),
  headers_too_large: refusal(431, 'headers_too_large'),
  expectation_failed: refusal(417, 'expectation_failed'),
  // The address.
  unknown_url: refusal(404, 'unknown_url', 12),
  method_not_supported: refusal(405, 'method_not_supported', 12),
  not_found: refusal(404, 'not_found', 5),
  model_not_found: refusal(404, 'model_not_found', 5),
  already_exists: refusal(409, 'already_exists', 6),
  failed_precondition: refusal(409, 'failed_precondition', 9),
  // Who asks.
  missing_api_key: refusal(401, null, 16),
  invalid_api_key: refusal(401, 'invalid_api_key', 16),
  expired_api_key: refusal(401, 'expired_api_key', 16),
  insufficient_permissions: { http: 403, type: 'permission_error', openai: 'insufficient_permissions', grpc: 7, retryable: false },
  model_not_allowed: { http: 403, type: 'permission_error', openai: 'model_not_allowed', grpc: 7, retryable: false },
  // Load.
  rate_limit_exceeded: { http: 429, type: 'rate_limit_error', openai: 'rate_limit_exceeded', grpc: 8, retryable: true },
  insufficient_quota: { http: 429, type: 'insufficient_quota', openai: 'insufficient_quota', grpc: 8, retryable: false },
  overloaded: away('server_is_overloaded'),
  draining: away('server_is_draining'),
  // What Sluice needs is away.
  audit_log_unavailable: away('audit_log_unavailable'),
  disk_full: away('disk_full'),
  access_unavailable: away('access_unavailable'),
  content_filter_unavailable: away('content_filter_unavailable'),
  billing_unavailable: away('billing_unavailable'),
  model_not_installed: { ...away('model_not_installed'), retryable: false },
  backend_unavailable: away('backend_unavailable'),
  // The model's backend.
  upstream_refused: refusal(400, null),
  upstream_rate_limited: { http: 429, type: 'rate_limit_error', openai: 'rate_limit_exceeded', grpc: 8, retryable: true },
  upstream_error: { http: 502, type: 'server_error', openai: 'upstream_error', grpc: 14, retryable: true },
  upstream_timeout: { http: 504, type: 'server_error', openai: 'upstream_timeout', grpc: 4, retryable: true },
  // The call itself.
  deadline_exceeded: { http: 504, type: 'server_error', openai: 'deadline_exceeded', grpc: 4, retryable: true },
  cancelled: { http: 499, type: 'invalid_request_error', openai: 'cancelled', grpc: 1, retryable: false },
  // Between gateway and router: the prompt may not leave the house yet, and nothing in the house can take it.
  admission_required: { ...away(null), grpc: 9 },
  epoch_lost: away('epoch_lost'),
  internal: { http: 500, type: 'server_error', openai: null, grpc: 13, retryable: false },
} as const satisfies Record<string, CodeRow>;

export type Code = keyof typeof CODES;

export function isCode(text: string): text is Code {
  return Object.hasOwn(CODES, text);
}
