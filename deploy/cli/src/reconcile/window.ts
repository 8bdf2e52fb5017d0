/** A call's id begins with the milliseconds at which the call did (RFC 9562, section 5.7). */
const MS_DIGITS = 12;

/** Of which calls the accounts are compared: those that began in it. ISO 8601; the last moment is not included. */
export interface Window {
  readonly since: string;
  readonly until: string;
}

/** When a call began, in milliseconds since the Unix epoch. */
export function beganMs(callId: string): number {
  return Number.parseInt(callId.slice(0, MS_DIGITS), 16);
}

/** Whether a call began in a time. By its id, which every account has of it: any other moment lies outside in one account and inside in another. */
export function beganIn({ since, until }: Window, callId: string): boolean {
  const ms = beganMs(callId);
  return ms >= Date.parse(since) && ms < Date.parse(until);
}

/** A time that is longer by as much at both ends. */
export function widened({ since, until }: Window, byMs: number): Window {
  const at = (moment: string, ms: number): string => new Date(Math.max(0, Date.parse(moment) + ms)).toISOString();
  return { since: at(since, -byMs), until: at(until, byMs) };
}
