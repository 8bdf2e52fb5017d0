import { stat } from 'node:fs/promises';
import type { LoadSettings, ModelProcess } from '../domain/model-process.ts';
import { loadError } from './child-errors.ts';
import type { DigestFile } from './digest-file.ts';
import type { StartLlamaChild } from './llama-child.ts';

/**
 * Knows which files were found to have which digest, so that weights are hashed once: neither a model that comes back
 * after a crash waits for it, nor a start of the platform, and one that is refused again and again costs nothing.
 *
 * A file counts as the same while its path, size, times and inode are. The time of change is among them because, other
 * than that of modification, nobody can set it back.
 */
export class KnownWeights {
  readonly #start: StartLlamaChild;
  readonly #digests: DigestFile;

  constructor(start: StartLlamaChild, digests: DigestFile) {
    this.#start = start;
    this.#digests = digests;
  }

  /** Starts a model, as StartModelProcess says. */
  async start(model: string, settings: LoadSettings, signal: AbortSignal): Promise<ModelProcess> {
    const { weightsDigest, ...unchecked } = settings;
    const path = settings.weightsPath;
    // Looked at before the file is read: what changes afterwards looks different the next time.
    const stamp = weightsDigest === undefined ? undefined : await stampOf(path);
    if (stamp === undefined) return this.#start(model, settings, signal, () => undefined);
    const known = await this.#digests.find(path, stamp);
    if (known === weightsDigest) return this.#start(model, unchecked, signal, () => undefined);
    if (known !== undefined) throw loadError(model, path, 'other-digest', 'it was refused before');
    return this.#start(model, settings, signal, (digest) => void this.#digests.keep(path, stamp, digest));
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
