import { availableParallelism } from 'node:os';
import { z } from 'zod';

/**
 * Settings of the local engine, by their environment names.
 *
 * Threads: as many as cores makes llama.cpp many times slower as soon as anything else runs, because every thread waits
 * for the slowest at each layer; so one core stays free.
 */
export const localEngineConfig = {
  LOCAL_ENGINE_THREADS: z.coerce.number().int().min(1).max(256).default(Math.max(1, availableParallelism() - 1)),
  /** Answers of one model that are made at once. */
  LOCAL_ENGINE_SEQUENCES: z.coerce.number().int().min(1).max(64).default(4),
  /** Tokens of prompt and answer together for each of them; memory is taken for all of them at the start. */
  LOCAL_ENGINE_CONTEXT_TOKENS: z.coerce.number().int().min(64).max(1_048_576).default(2048),
  /** Requests of one model that may wait for a sequence. */
  LOCAL_ENGINE_WAITING_LIMIT: z.coerce.number().int().min(0).max(10_000).default(64),
  LOCAL_ENGINE_WAIT_LIMIT_MS: z.coerce.number().int().min(1).max(600_000).default(30_000),
};

export type LocalEngineConfig = Readonly<z.output<z.ZodObject<typeof localEngineConfig>>> & {
  /** Where weights lie that are named by their file's name alone: so they are found again when the folder was moved. */
  readonly modelsFolder?: string;
  /** Where digests of weights are kept from one start to the next; without it weights are hashed again at every start. */
  readonly knownWeightsFile?: string;
};
