import { ServiceError } from '@sluice/errors';

/** Where limits are set. */
export const LEVELS = ['organisation', 'project', 'key'] as const;
export type Level = (typeof LEVELS)[number];

/** How much there may be; 0 is no limit. */
export interface Limits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly concurrentRequests: number;
  readonly requestsPerDay: number;
}

/** The limits of one organisation, project or key. */
export interface SubjectLimits {
  readonly level: Level;
  readonly subjectId: string;
  readonly limits: Limits;
}

/** As on the wire: what is absent stays as it is, 0 removes it. */
export type LimitsChange = { readonly [name in keyof Limits]?: bigint | undefined };

export const NO_LIMITS: Limits = { requestsPerMinute: 0, tokensPerMinute: 0, concurrentRequests: 0, requestsPerDay: 0 };

/** Far above what one house can serve; headers and counters stay exact numbers. */
export const MAX_LIMIT = 1_000_000_000_000;

const NAMES: Readonly<Record<keyof Limits, string>> = {
  requestsPerMinute: 'requests_per_minute',
  tokensPerMinute: 'tokens_per_minute',
  concurrentRequests: 'concurrent_requests',
  requestsPerDay: 'requests_per_day',
};

/** Errors: `missing_required_parameter` when nothing is to change, `invalid_value`, naming the limit that is too large. */
export function checkLimits(change: LimitsChange | undefined): Partial<Limits> {
  const checked: { -readonly [name in keyof Limits]?: number } = {};
  for (const name of Object.keys(NAMES) as (keyof Limits)[]) {
    const value = change?.[name];
    if (value === undefined) continue;
    if (value > BigInt(MAX_LIMIT)) throw new ServiceError('invalid_value', `\`${NAMES[name]}\` is larger than ${MAX_LIMIT}.`, { param: NAMES[name] });
    checked[name] = Number(value);
  }
  if (Object.keys(checked).length > 0) return checked;
  const [first, ...others] = Object.values(NAMES);
  throw new ServiceError('missing_required_parameter', `At least one of \`${first}\`, ${others.map((name) => `\`${name}\``).join(', ')} must be given.`, { param: first! });
}

/** True when nothing is limited, which is the same as no limits. */
export function isUnlimited(limits: Limits): boolean {
  return Object.values(limits).every((limit) => limit === 0);
}

/** The limits by the names of the contract. */
export function namedLimits(limits: Limits): Record<string, number> {
  return Object.fromEntries((Object.keys(NAMES) as (keyof Limits)[]).map((name) => [NAMES[name], limits[name]]));
}
