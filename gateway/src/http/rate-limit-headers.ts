import type { LimitGauge, LimitState } from '../domain/limits/limit-state.ts';
import type { RateLimitRefusal } from '../domain/limits/rate-limit-refusal.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

type Names = readonly [limit: string, remaining: string, reset: string];

const REQUESTS: Names = ['x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'];
const TOKENS: Names = ['x-ratelimit-limit-tokens', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'];

/** OpenAI's headers on the state of limits; of a kind that is not limited there are none. */
export function rateLimitHeaders(state: LimitState | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  setGauge(headers, REQUESTS, state?.requests);
  setGauge(headers, TOKENS, state?.tokens);
  return headers;
}

/** The same for a call that was not let in, and when its client should come again: OpenAI's clients read `retry-after-ms` first. */
export function refusalHeaders({ state, waitMs }: RateLimitRefusal): Record<string, string> {
  return { ...rateLimitHeaders(state), ...(waitMs === undefined ? NO_RETRY : { 'retry-after-ms': String(Math.ceil(waitMs)) }) };
}

/** OpenAI's clients repeat every 429 unless they are told not to. */
export const NO_RETRY = { 'x-should-retry': 'false' };

function setGauge(headers: Record<string, string>, [limit, remaining, reset]: Names, gauge: LimitGauge | undefined): void {
  if (!gauge) return;
  headers[limit] = String(gauge.limit);
  headers[remaining] = String(gauge.remaining);
  headers[reset] = duration(gauge.resetMs);
}

/** A time as OpenAI writes it, which is as Go does (`time.Duration.String`): `0s`, `17ms`, `1.2s`, `6m0s`, `24h0m0s`. Rounded up to a millisecond. */
export function duration(exactMs: number): string {
  const ms = Math.ceil(exactMs);
  if (ms <= 0) return '0s';
  if (ms < 1_000) return `${ms}ms`;
  const seconds = `${(ms % MINUTE_MS) / 1_000}s`;
  if (ms < MINUTE_MS) return seconds;
  const minutes = `${Math.floor((ms % HOUR_MS) / MINUTE_MS)}m${seconds}`;
  return ms < HOUR_MS ? minutes : `${Math.floor(ms / HOUR_MS)}h${minutes}`;
}
