import type { Say } from '../engines/engine.ts';

const PERIOD_MS = 10_000;

/** Says from time to time that work which shows nothing of itself goes on. */
export async function whileTelling<T>(say: Say, what: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const timer = setInterval(() => say(`${what}: at work for ${Math.round((performance.now() - startedMs) / 1000)} s`), PERIOD_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
