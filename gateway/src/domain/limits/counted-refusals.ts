import { CODES, type Code } from '@sluice/errors';

/** What is not answered because Sluice itself cannot: refused behind the limits, so they have counted it. */
const BEHIND_LIMITS: readonly Code[] = ['content_filter_unavailable', 'billing_unavailable'];

/**
 * Whether a call that limits have not seen counts as a request, by the code that it is refused with: for what it is (its
 * body, its model, its parameters) it does. What Sluice cannot do counts for nobody, and neither does a key that is good no more.
 */
export function countsInFront(code: Code): boolean {
  const { http } = CODES[code];
  return http < 500 && http !== 401 && code !== 'rate_limit_exceeded';
}

/** Of refused calls those that count as requests, by their codes on record. */
export const COUNTED_REFUSALS: readonly Code[] = [...(Object.keys(CODES) as Code[]).filter(countsInFront), ...BEHIND_LIMITS];
