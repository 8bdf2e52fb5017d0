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

/** As on the wire. */
export type GivenLimits = Readonly<Record<keyof Limits, bigint>>;

/** Far above what one house can serve; headers and counters stay exact numbers. */
export const MAX_LIMIT = 1_000_000_000_000;

const NAMES: Readonly<Record<keyof Limits, string>> = {
  requestsPerMinute: 'requests_per_minute',
  tokensPerMinute: 'tokens_per_minute',
  concurrentRequests: 'concurrent_requests',
  requestsPerDay: 'requests_per_day',
};

/** Errors: `invalid_value`, naming the limit that is too large. */
export function checkLimits(given: GivenLimits): Limits {
  const checked = (name: keyof Limits): number => {
    const value = given[name];
    if (value <= BigInt(MAX_LIMIT)) return Number(value);
    throw new ServiceError('invalid_value', `\`${NAMES[name]}\` is larger than ${MAX_LIMIT}.`, { param: NAMES[name] });
  };
  return {
    requestsPerMinute: checked('requestsPerMinute'),
    tokensPerMinute: checked('tokensPerMinute'),
    concurrentRequests: checked('concurrentRequests'),
    requestsPerDay: checked('requestsPerDay'),
  };
}

/** True when nothing is limited, which is the same as no limits. */
export function isUnlimited(limits: Limits): boolean {
  return Object.values(limits).every((limit) => limit === 0);
}

/** The limits by the names of the contract. */
export function namedLimits(limits: Limits): Record<string, number> {
  return Object.fromEntries((Object.keys(NAMES) as (keyof Limits)[]).map((name) => [NAMES[name], limits[name]]));
}
