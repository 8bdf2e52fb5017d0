import { stat } from 'node:fs/promises';
import { ServiceError } from '@sluice/errors';
import { OtherWeights, type LoadSettings, type ModelProcess, type StartModelProcess } from '../domain/model-process.ts';

/** Files remembered; each is a path and some numbers. */
const REMEMBERED_LIMIT = 1_000;

/** What a file was found to be: its stamp with the digest that it was checked against, and the refusal if it has another. */
interface Finding {
  readonly of: string;
  readonly refusal?: ServiceError;
}

/**
 * Remembers, for the life of this process, which files were found to have which digest, so that weights are hashed once:
 * a model that comes back after a crash does not wait for it, and one that is refused again and again costs nothing.
 * A file counts as the same while its size, its times and its inode are.
 */
export class KnownWeights {
  readonly #start: StartModelProcess;
  readonly #findings = new Map<string, Finding>();

  /** `start` has the digest checked when the settings hold one. */
  constructor(start: StartModelProcess) {
    this.#start = start;
  }

  async start(model: string, settings: LoadSettings, signal: AbortSignal): Promise<ModelProcess> {
    const { weightsDigest, ...unchecked } = settings;
    // Looked at before the file is read: what changes afterwards looks different the next time.
    const stamp = weightsDigest === undefined ? undefined : await stampOf(settings.weightsPath);
    if (stamp === undefined) return this.#start(model, settings, signal);
    const of = `${stamp} ${weightsDigest}`;
    const finding = this.#findings.get(settings.weightsPath);
    if (finding?.of === of) {
      if (finding.refusal) throw finding.refusal;
      return this.#start(model, unchecked, signal);
    }
    try {
      const process = await this.#start(model, settings, signal);
      this.#remember(settings.weightsPath, { of });
      return process;
    } catch (thrown) {
      if (thrown instanceof ServiceError && thrown.cause instanceof OtherWeights) this.#remember(settings.weightsPath, { of, refusal: thrown });
      throw thrown;
    }
  }

  #remember(path: string, finding: Finding): void {
    if (this.#findings.size >= REMEMBERED_LIMIT) this.#findings.clear();
    this.#findings.set(path, finding);
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
