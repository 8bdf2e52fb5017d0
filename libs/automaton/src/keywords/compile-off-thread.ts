import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ServiceError } from '@sluice/errors';
import type { Built } from './build-worker.ts';
import { loadKeywords, type CompiledKeywords, type KeywordList, type SerialisedKeywords } from './compile-keywords.ts';
import { KeywordsRefused } from './keywords-refused.ts';

/** What a thread may take of memory beside the tables: twice what the most words take that there is room for. */
const HEAP_LIMIT_MB = 1_024;

/** Words that are handed over before others get their turn: copying them takes some 0.2 ms. */
const WORDS_A_TURN = 2_000;

/**
 * Compiles on a thread of its own, so that the event loop does not wait for it; the tables come in shared memory,
 * without a copy. The thread runs the sources as Node itself strips their types: it needs no loader.
 * @param signal ends the thread, at once; how long it may take is for the caller to say
 * @throws KeywordsRefused when there is no room for the words.
 * @throws ServiceError `content_filter_unavailable` when the signal ends it, or the thread dies of it.
 */
export async function compileOffThread(lists: readonly KeywordList[], signal?: AbortSignal): Promise<CompiledKeywords> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('./build-worker.ts', import.meta.url), { execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB } });
  const given = new AbortController();
  try {
    const [tables] = await Promise.all([answer(worker, signal), handOver(lists, worker, given.signal)]);
    return loadKeywords(tables);
  } finally {
    given.abort();
    await worker.terminate();
  }
}

/** Part by part, as the event loop waits while a list is copied. */
async function handOver(lists: readonly KeywordList[], worker: Worker, given: AbortSignal): Promise<void> {
  for (const list of lists) {
    for (let from = 0; from < list.words.length; from += WORDS_A_TURN) {
      await setImmediate();
      if (given.aborted) return;
      worker.postMessage({ ...list, words: list.words.slice(from, from + WORDS_A_TURN) });
    }
  }
  worker.postMessage(null);
}

function answer(worker: Worker, signal: AbortSignal | undefined): Promise<SerialisedKeywords> {
  const { promise, resolve, reject } = Promise.withResolvers<SerialisedKeywords>();
  const fail = (why: string, cause?: unknown): void => reject(new ServiceError('content_filter_unavailable', `The words of the content filter could not be compiled: ${why}.`, { cause }));
  const stop = (): void => fail('it was given up', signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  worker.once('message', (built: Built) => ('tables' in built ? resolve(built.tables) : reject(new KeywordsRefused(built.refused))));
  worker.once('error', (error) => fail('the thread failed', error));
  worker.once('exit', () => fail('the thread ended'));
  return promise.finally(() => signal?.removeEventListener('abort', stop));
}
