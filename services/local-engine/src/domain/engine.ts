import { ServiceError } from '@sluice/errors';
import type { LoadSettings } from './model-process.ts';
import { SupervisedModel, type SupervisedModelParts } from './supervised-model.ts';

/** Each loaded model is a process with weights in memory. */
const LOADED_MODELS_LIMIT = 16;

interface Loading {
  readonly settings: LoadSettings;
  readonly model: Promise<SupervisedModel>;
}

/** The models that are loaded, by name. */
export class Engine {
  readonly #parts: SupervisedModelParts;
  readonly #models = new Map<string, SupervisedModel>();
  readonly #loading = new Map<string, Loading>();
  readonly #closing = new AbortController();

  constructor(parts: SupervisedModelParts) {
    this.#parts = parts;
  }

  get models(): readonly SupervisedModel[] {
    return [...this.#models.values()];
  }

  get namesLoading(): readonly string[] {
    return [...this.#loading.keys()];
  }

  find(name: string): SupervisedModel | undefined {
    return this.#models.get(name);
  }

  /** Throws `model_not_found`. */
  get(name: string): SupervisedModel {
    const model = this.#models.get(name);
    if (!model) throw new ServiceError('model_not_found', `The model '${name}' is not loaded at the local engine.`);
    return model;
  }

  /**
   * Loads a model; a second call with the same settings waits for the first or finds the work done. With other settings
   * the old one answers until the new one is there, and is then ended. When the signal aborts, the load that was begun by
   * this call is given up, also for those who wait for it.
   */
  async load(name: string, settings: LoadSettings, signal: AbortSignal): Promise<void> {
    for (let under = this.#loading.get(name); under; under = this.#loading.get(name)) {
      if (isSame(under.settings, settings)) return void (await under.model);
      // Whether other weights could be loaded is told to those who asked for them.
      await Promise.allSettled([under.model]);
    }
    const old = this.#models.get(name);
    if (old && isSame(old.settings, settings)) return;
    if (!old && this.#models.size + this.#loading.size >= LOADED_MODELS_LIMIT) {
      throw new ServiceError('failed_precondition', `The local engine holds at most ${LOADED_MODELS_LIMIT} models.`);
    }
    const model = SupervisedModel.load(name, settings, this.#parts, AbortSignal.any([this.#closing.signal, signal]));
    this.#loading.set(name, { settings, model });
    try {
      this.#models.set(name, await model);
    } finally {
      this.#loading.delete(name);
    }
    await old?.unload();
  }

  /** Throws `model_not_found`. */
  async unload(name: string): Promise<void> {
    const model = this.get(name);
    this.#models.delete(name);
    await model.unload();
  }

  /** Ends all processes; resolves when they are gone. */
  async close(): Promise<void> {
    this.#closing.abort(new ServiceError('draining', 'The local engine is stopping.'));
    await Promise.allSettled([...this.#loading.values()].map(({ model }) => model));
    await Promise.all(this.models.map((model) => model.unload()));
    this.#models.clear();
  }
}

function isSame(a: LoadSettings, b: LoadSettings): boolean {
  return a.weightsPath === b.weightsPath && a.weightsDigest === b.weightsDigest && a.sequences === b.sequences && a.contextTokens === b.contextTokens && a.threads === b.threads;
}
