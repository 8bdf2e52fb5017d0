import { stat } from 'node:fs/promises';
import type { LoadSettings, ModelProcess, StartModelProcess } from '../domain/model-process.ts';

/** Files remembered; each is a path and some numbers. */
const REMEMBERED_LIMIT = 1_000;

/**
 * Remembers, for the life of this process, which files were found to have which digest, so that weights are hashed once
 * and a model that comes back after a crash does not wait for it. A file counts as the same while its size, its times and
 * its inode are.
 */
export class KnownWeights {
  readonly #start: StartModelProcess;
  readonly #known = new Map<string, string>();

  /** `start` has the digest checked when the settings hold one. */
  constructor(start: StartModelProcess) {
    this.#start = start;
  }

  async start(model: string, settings: LoadSettings, signal: AbortSignal): Promise<ModelProcess> {
    const { weightsDigest, ...unchecked } = settings;
    if (weightsDigest === undefined) return this.#start(model, settings, signal);
    // Looked at before the file is read: what changes afterwards looks different the next time.
    const seen = await stampOf(settings.weightsPath);
    const found = seen && `${seen} ${weightsDigest}`;
    const process = await this.#start(model, found !== undefined && this.#known.get(settings.weightsPath) === found ? unchecked : settings, signal);
    if (found !== undefined) this.#remember(settings.weightsPath, found);
    return process;
  }

  #remember(path: string, found: string): void {
    if (this.#known.size >= REMEMBERED_LIMIT) this.#known.clear();
    this.#known.set(path, found);
  }
}

async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
    return [size, mtimeNs, ctimeNs, ino].join(' ');
  } catch {
    // The process that loads it says what is wrong with it.
    return undefined;
  }
}
