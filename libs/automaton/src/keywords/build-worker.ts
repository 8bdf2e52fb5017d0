import { parentPort } from 'node:worker_threads';
import { compileKeywords, serialiseKeywords, type KeywordList, type SerialisedKeywords } from './compile-keywords.ts';
import { KeywordsRefused } from './keywords-refused.ts';

/** What the thread answers: tables in shared memory, or why there is no room for the words. */
export type Built = { readonly tables: SerialisedKeywords } | { readonly refused: string };

/** The thread of `compileOffThread`: parts of lists in, `null` behind the last. */
const lists: KeywordList[] = [];
parentPort!.on('message', (part: KeywordList | null) => {
  if (part) lists.push(part);
  else parentPort!.postMessage(built());
});

function built(): Built {
  try {
    return { tables: serialiseKeywords(compileKeywords(lists)) };
  } catch (thrown) {
    if (thrown instanceof KeywordsRefused) return { refused: thrown.message };
    throw thrown;
  }
}
