import { parentPort } from 'node:worker_threads';
import { compileKeywords, serialiseKeywords, type KeywordList } from './compile-keywords.ts';

/** The thread of `compileOffThread`: parts of lists in, `null` behind the last; tables in shared memory out. */
const lists: KeywordList[] = [];
parentPort!.on('message', (part: KeywordList | null) => {
  if (part) lists.push(part);
  else parentPort!.postMessage(serialiseKeywords(compileKeywords(lists)));
});
