import { fileURLToPath } from 'node:url';
import { fetchDemoModel } from '../weights/fetch-demo-model.ts';

/** Kept from one run to the next, so that the suite does not download 90 MB each time. */
export const DEMO_WEIGHTS_CACHE = fileURLToPath(new URL('../../../../.cache/models/', import.meta.url));

/** The path of the real small model for tests, downloaded once. Without it the tests fail: a model that is pretended proves nothing. */
export async function demoWeights(): Promise<string> {
  const fetched = await fetchDemoModel({ cacheDir: DEMO_WEIGHTS_CACHE });
  if (!fetched.ok) throw new Error(fetched.explanation);
  return fetched.path;
}
