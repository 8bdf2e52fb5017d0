import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { formatVerifierKey, type ReadResource } from '@sluice/transparency';
import { makeFolder } from '../data-folder/make-folder.ts';
import { explainErrno } from '../data-folder/explain-errno.ts';
import { isErrno } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';
import { openLog, type LogSource, type VerifyOptions } from './log-source.ts';
import { verifyLog } from './verify.ts';

/** It is for others: nothing in it is secret. */
const FOLDER_MODE = 0o755;

export interface ExportedLog {
  readonly directory: string;
  readonly origin: string;
  readonly size: number;
  readonly files: number;
}

/**
 * Writes the log as static files under the paths of C2SP tlog-tiles, with the key beside the checkpoint. A verification
 * reads each resource exactly once, so what is written is exactly what was verified. The folder is there only when all
 * of it was; when the signal aborts nothing is left.
 */
export async function exportLog(dir: string, options: VerifyOptions, signal: AbortSignal): Promise<ExportedLog> {
  const root = resolve(dir);
  await refuseUsedFolder(root);
  const source = await openLog(options, signal);
  try {
    return { directory: root, ...(await writeWhole(root, source, signal)) };
  } catch (error) {
    const text = explainErrno(error, root, 'Give another folder.');
    throw text === undefined ? error : new CommandFailed(text);
  }
}

async function writeWhole(root: string, source: LogSource, signal: AbortSignal): Promise<Omit<ExportedLog, 'directory'>> {
  makeFolder(dirname(root));
  const draft = await mkdtemp(`${root}.new-`);
  try {
    const exported = await writeLog(draft, source, signal);
    await chmod(draft, FOLDER_MODE);
    if (existsSync(root)) await rmdir(root);
    await rename(draft, root);
    return exported;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function writeLog(folder: string, source: LogSource, signal: AbortSignal): Promise<Omit<ExportedLog, 'directory'>> {
  const written = new Set<string>();
  const underWay: Promise<unknown>[] = [];
  const fetchAndWrite: ReadResource = async (path) => {
    signal.throwIfAborted();
    const bytes = await source.read(path);
    if (path !== 'checkpoint' && !written.has(path)) {
      written.add(path);
      makeFolder(dirname(join(folder, path)));
      await writeFile(join(folder, path), bytes);
    }
    return bytes;
  };
  // The verification reads ahead: what it no longer waits for must not write into a folder that is being removed.
  const read: ReadResource = async (path) => {
    const work = fetchAndWrite(path);
    underWay.push(work.catch(() => undefined));
    return work;
  };
  const { checkpoint, note } = await verifyLog({ ...source, read }).finally(async () => Promise.all(underWay));
  signal.throwIfAborted();
  await writeFile(join(folder, 'key'), `${formatVerifierKey(source.key)}\n`);
  await writeFile(join(folder, 'checkpoint'), note);
  return { origin: checkpoint.origin, size: Number(checkpoint.size), files: written.size + 2 };
}

async function refuseUsedFolder(root: string): Promise<void> {
  try {
    if ((await readdir(root)).length > 0) throw new CommandFailed(`${root} is not empty. Give a new folder.`);
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) throw new CommandFailed(`${root} is a file. Give a new folder.`);
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
