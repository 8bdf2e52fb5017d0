import { RedisStore, type RedisStoreOptions } from '../redis/redis-store.ts';
import { TERMS } from '../redis/terms.ts';

/** A busy machine of tests may be late; what a test says of a Redis that answers must not depend on that. */
const ANSWER_LIMIT_MS = 3_000;

/** The store of production, which only waits longer before it takes Redis to be away. */
export async function createPatientStore(options: RedisStoreOptions): Promise<RedisStore> {
  const store = new RedisStore(options, { ...TERMS, answerLimitMs: ANSWER_LIMIT_MS });
  await store.start();
  return store;
}
