import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { formatVerifierKey, type ReadResource } from '@sluice/transparency';
import { makeFolder } from '../data-folder/make-folder.ts';
import { isErrno } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';
import { openLog, type VerifyOptions } from './log-source.ts';
import { verifyLog } from './verify.ts';

/**
 * Writes the log as static files under the paths of C2SP tlog-tiles, with the key beside the checkpoint. A verification
 * reads each resource exactly once, so what is written is exactly what was verified. The checkpoint comes last: a folder
 * without one is an export that broke off.
 */
export async function exportLog(dir: string, options: VerifyOptions): Promise<{ size: bigint; files: number }> {
  const root = resolve(dir);
  await refuseUsedFolder(root);
  const source = await openLog(options);
  const written = new Set<string>();
  const read: ReadResource = async (path) => {
    const bytes = await source.read(path);
    if (path !== 'checkpoint' && !written.has(path)) {
      written.add(path);
      makeFolder(dirname(join(root, path)));
      await writeFile(join(root, path), bytes);
    }
    return bytes;
  };
  makeFolder(root);
  const { checkpoint, note } = await verifyLog({ ...source, read });
  await writeFile(join(root, 'key'), `${formatVerifierKey(source.key)}\n`);
  await writeFile(join(root, 'checkpoint'), note);
  return { size: checkpoint.size, files: written.size + 2 };
}

async function refuseUsedFolder(root: string): Promise<void> {
  try {
    if ((await readdir(root)).length > 0) throw new CommandFailed(`${root} is not empty. Give a new folder.`);
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) throw new CommandFailed(`${root} is a file. Give a new folder.`);
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
