import { parentPort, workerData } from 'node:worker_threads';
import { compileKeywords, serialiseKeywords, type KeywordList } from './compile-keywords.ts';

/** The thread of `compileOffThread`: lists in, tables in shared memory out. */
parentPort!.postMessage(serialiseKeywords(compileKeywords(workerData as readonly KeywordList[])));
