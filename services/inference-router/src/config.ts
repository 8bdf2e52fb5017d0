import { z } from 'zod';
import { DEFAULT_CALL_LIMITS, DEFAULT_IN_FLIGHT_PER_DEPLOYMENT, DEFAULT_WHOLE_ANSWERS_LIMIT_BYTES, WHOLE_ANSWER_LIMIT_BYTES } from './domain/limits.ts';

const MAX_WHOLE_ANSWERS_LIMIT_BYTES = 2 ** 40;
const WHOLE_BYTES = `must be bytes as a whole number without a unit, for example ${DEFAULT_WHOLE_ANSWERS_LIMIT_BYTES}`;
const milliseconds = z.coerce.number().int().min(1).max(24 * 3600 * 1000);

/** Settings of the inference-router; what is not set has a default that suits a laptop and a data centre alike. */
export const inferenceRouterConfig = {
  /** How long a backend may take to its first event. */
  SLUICE_FIRST_TOKEN_MS: milliseconds.default(DEFAULT_CALL_LIMITS.firstTokenMs),
  /** How long a backend may say nothing of an answer that is not streamed. */
  SLUICE_WHOLE_ANSWER_MS: milliseconds.default(DEFAULT_CALL_LIMITS.wholeAnswerMs),
  /** How long a stream may be silent. */
  SLUICE_STREAM_IDLE_MS: milliseconds.default(DEFAULT_CALL_LIMITS.idleMs),
  /** Calls at once on one deployment, and connections to it. */
  SLUICE_DEPLOYMENT_CONCURRENCY: z.coerce.number().int().min(1).max(65_536).default(DEFAULT_IN_FLIGHT_PER_DEPLOYMENT),
  /**
   * Bytes of answers that are not streamed, collected from backends at once, of chats and as many of tensors; one more ends with 503. Not below what one
   * answer may have, so that "try again" is always true. Buffers grow in steps and may take twice as much; for the
   * moment in which one is read at its end, it is held several times.
   */
  SLUICE_WHOLE_ANSWERS_LIMIT_BYTES: z.coerce
    .number(WHOLE_BYTES)
    .int(WHOLE_BYTES)
    .min(WHOLE_ANSWER_LIMIT_BYTES, `must be at least ${WHOLE_ANSWER_LIMIT_BYTES}, as one answer may have that many bytes and would never fit into less; raise it, or leave it out for ${DEFAULT_WHOLE_ANSWERS_LIMIT_BYTES}`)
    .max(MAX_WHOLE_ANSWERS_LIMIT_BYTES, `must be at most ${MAX_WHOLE_ANSWERS_LIMIT_BYTES}, which is 1 TiB: it is memory of this process; lower it, or leave it out for ${DEFAULT_WHOLE_ANSWERS_LIMIT_BYTES}`)
    .default(DEFAULT_WHOLE_ANSWERS_LIMIT_BYTES),
};

export type InferenceRouterConfig = Readonly<z.output<z.ZodObject<typeof inferenceRouterConfig>>>;
