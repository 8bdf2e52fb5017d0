import { setImmediate as nextTurn } from 'node:timers/promises';

/** A bound for what hangs, not a measure of speed. */
export const WAIT_LIMIT_MS = 60_000;

/** Waits until something is true, because the other side may be a process away. */
export async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_LIMIT_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('the condition did not come true');
    await nextTurn();
  }
}

/** Until the signal aborts; then rejects with its reason. */
export const never = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const messages: T[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

