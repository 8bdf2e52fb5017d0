import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 50;

/** Looks until something is there. @throws after `limitMs`, with what failed last */
export async function eventually<T>(what: string, limitMs: number, look: () => Promise<T | undefined | false>): Promise<T> {
  const untilMs = performance.now() + limitMs;
  let last: unknown;
  for (;;) {
    const seen = await look().catch((thrown: unknown) => void (last = thrown));
    if (seen !== undefined && seen !== false) return seen as T;
    if (performance.now() > untilMs) throw new Error(`${what}: not within ${limitMs / 1000} s`, { cause: last });
    await pause(POLL_MS);
  }
}
