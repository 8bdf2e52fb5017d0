import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keptPackage } from '../packages/kept-package.ts';
import { askTool, runTool } from '../processes/run-tool.ts';
import { TRITON_CLIENT } from './triton-client-pins.ts';
import { PACKAGE_CACHE } from './triton-server.ts';

const PYTHON = 'python3';
const VERSIONS = ['3.10', '3.11', '3.12'];

/** A folder for PYTHONPATH with Triton's own Python client, as it was published, brought once. Throws where this Python has none. */
export async function bringTritonClient(signal: AbortSignal): Promise<string> {
  const version = (await askTool([PYTHON, '-c', 'import sys; print("%d.%d" % sys.version_info[:2])']))?.trim() ?? 'no Python';
  if (!VERSIONS.includes(version)) throw new Error(`Triton's client is pinned for Python ${VERSIONS.join(', ')} as ${PYTHON}; this is ${version}.`);
  const name = Object.keys(TRITON_CLIENT).find((one) => one.startsWith('tritonclient=='))!;
  const kept = await keptPackage(PACKAGE_CACHE, `${name.replace('==', '-')}-python-${version}`, async (draft) => {
    const requirements = join(draft, 'requirements.txt');
    await writeFile(requirements, Object.entries(TRITON_CLIENT).map(([one, digests]) => `${one} ${digests.map((digest) => `--hash=sha256:${digest}`).join(' ')}\n`).join(''));
    await runTool([PYTHON, '-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes', '--target', join(draft, 'packages'), '--requirement', requirements], { cwd: draft, signal });
  });
  return join(kept, 'packages');
}
