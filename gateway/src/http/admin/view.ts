import { z } from 'zod';

/** A page of things. */
export function list(data: readonly object[], hasMore = false): { object: 'list'; data: readonly object[]; has_more: boolean } {
  return { object: 'list', data, has_more: hasMore };
}

/** ISO 8601 in UTC; null for 0, which stands for "never" in the contracts. */
export function time(ms: bigint): string | null {
  return ms === 0n ? null : new Date(Number(ms)).toISOString();
}

/** Null for the empty text of the contracts. */
export function text(value: string): string | null {
  return value === '' ? null : value;
}

/** A time from outside, as milliseconds; absent or null is 0. */
export const timeInput = z.iso
  .datetime({ offset: true, error: 'it must be a time as in 2026-01-31T12:00:00.000Z' })
  .nullish()
  .transform((value) => (value ? BigInt(Date.parse(value)) : 0n));

const NAME_LIMIT = 256;

/** An id or a name from outside. */
export const nameInput = z.string().min(1, 'it must not be empty').max(NAME_LIMIT, `it must have at most ${NAME_LIMIT} characters`).regex(/^\P{Cc}*$/u, 'it must not hold control characters');

/** An optional filter; absent is empty. */
export const filterInput = nameInput.optional().transform((value) => value ?? '');

/** A page's size from a query string. */
export const limitInput = z.coerce.number({ error: 'it must be a number' }).int('it must be an integer').min(1, 'it must be at least 1').max(100, 'it must be at most 100').default(20);
