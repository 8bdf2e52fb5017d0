import { createHook } from 'node:async_hooks';

/** How many threads some work started. Read from the runtime itself: `process.on('worker')` is not heard inside of a test's realm. */
export async function threadsStarted<T>(work: () => Promise<T>): Promise<[threads: number, result: T]> {
  let threads = 0;
  const hook = createHook({ init: (_id, type) => void (type === 'WORKER' && threads++) }).enable();
  try {
    const result = await work();
    return [threads, result];
  } finally {
    hook.disable();
  }
}
