import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 100;

/** Asks again and again until nothing is awaited any more, or the time is over; gives the last answer. */
export async function untilSettled<T>(ask: () => Promise<T>, isSettled: (answer: T) => boolean, waitMs: number, signal: AbortSignal): Promise<T> {
  const untilMs = performance.now() + waitMs;
  for (;;) {
    const answer = await ask();
    if (isSettled(answer) || performance.now() >= untilMs) return answer;
    await pause(POLL_MS, undefined, { signal });
  }
}
