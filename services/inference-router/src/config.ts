import { z } from 'zod';
import { DEFAULT_CALL_LIMITS, DEFAULT_IN_FLIGHT_PER_DEPLOYMENT } from './domain/limits.ts';

const milliseconds = z.coerce.number().int().min(1).max(24 * 3600 * 1000);

/** Settings of the inference-router; what is not set has a default that suits a laptop and a data centre alike. */
export const inferenceRouterConfig = {
  /** How long a backend may take to its first event. */
  SLUICE_FIRST_TOKEN_MS: milliseconds.default(DEFAULT_CALL_LIMITS.firstTokenMs),
  /** How long a stream may be silent. */
  SLUICE_STREAM_IDLE_MS: milliseconds.default(DEFAULT_CALL_LIMITS.idleMs),
  /** Calls at once on one deployment, and connections to it. */
  SLUICE_DEPLOYMENT_CONCURRENCY: z.coerce.number().int().min(1).max(65_536).default(DEFAULT_IN_FLIGHT_PER_DEPLOYMENT),
};

export type InferenceRouterConfig = Readonly<z.output<z.ZodObject<typeof inferenceRouterConfig>>>;
