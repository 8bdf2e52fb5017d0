import type { Limits as LimitsMessage } from '@sluice/proto/access/v1/access';

/** How much an organisation, a project or a key may ask for; 0 is no limit. */
export interface Limits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly concurrentRequests: number;
  readonly requestsPerDay: number;
}

/** Who has limits, as the access service last told. */
export interface LimitSource {
  /** Of an organisation, a project or a key, whose ids are unlike; undefined when nothing is limited. */
  limits(subjectId: string): Limits | undefined;
}

/** Where a limit is set: the numbers of `access.v1.Level`; the domain does not load generated code. */
export const LEVEL = { organisation: 1, project: 2, key: 3 } as const;
export type LevelName = keyof typeof LEVEL;

/** What can be limited, by its name in records. */
export type LimitKind = 'requests_per_minute' | 'tokens_per_minute' | 'concurrent_requests' | 'requests_per_day';

/** Undefined when nothing is limited. */
export function limitsOf(message: LimitsMessage | undefined): Limits | undefined {
  if (!message) return undefined;
  const limits = {
    requestsPerMinute: Number(message.requestsPerMinute),
    tokensPerMinute: Number(message.tokensPerMinute),
    concurrentRequests: Number(message.concurrentRequests),
    requestsPerDay: Number(message.requestsPerDay),
  };
  return Object.values(limits).some((limit) => limit > 0) ? limits : undefined;
}
