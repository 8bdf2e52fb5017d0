import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { systemClock, type Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { loadKeywords, type CompiledKeywords, type KeywordList, type SerialisedKeywords } from './compile-keywords.ts';

/** A hundred times what the longest list takes: only a thread that hangs takes longer. */
const LIMIT_MS = 30_000;
/** Words that are handed over before others get their turn: copying them takes some 0.2 ms. */
const WORDS_A_TURN = 2_000;

/**
 * Compiles on a thread of its own, so that the event loop does not wait for it; the tables come in shared memory,
 * without a copy. The thread runs the sources as Node itself strips their types: it needs no loader.
 * @throws ServiceError `content_filter_unavailable` when it takes longer than 30 s, or the thread dies of it.
 */
export async function compileOffThread(lists: readonly KeywordList[], clock: Clock = systemClock): Promise<CompiledKeywords> {
  const worker = new Worker(new URL('./build-worker.ts', import.meta.url), { execArgv: [], env: {} });
  try {
    const [tables] = await Promise.all([answer(worker, clock), handOver(lists, worker)]);
    return loadKeywords(tables);
  } finally {
    await worker.terminate();
  }
}

/** Part by part, as the event loop waits while a list is copied. */
async function handOver(lists: readonly KeywordList[], worker: Worker): Promise<void> {
  for (const list of lists) {
    for (let from = 0; from < list.words.length; from += WORDS_A_TURN) {
      await setImmediate();
      worker.postMessage({ ...list, words: list.words.slice(from, from + WORDS_A_TURN) });
    }
  }
  worker.postMessage(null);
}

function answer(worker: Worker, clock: Clock): Promise<SerialisedKeywords> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      timer.cancel();
      reject(new ServiceError('content_filter_unavailable', `The words of the content filter could not be compiled: ${why}.`, { cause }));
    };
    const timer = clock.after(LIMIT_MS, () => fail(`it took longer than ${LIMIT_MS} ms`));
    worker.once('message', (tables: SerialisedKeywords) => {
      timer.cancel();
      resolve(tables);
    });
    worker.once('error', (error) => fail('the thread failed', error));
    worker.once('exit', () => fail('the thread ended'));
  });
}
