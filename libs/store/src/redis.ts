import { RedisStore, type RedisStoreOptions } from './redis/redis-store.ts';
import { TERMS } from './redis/terms.ts';

/** The store of a platform of several processes. Resolves when Redis was asked once; should it be away, the store is degraded until it answers. */
export async function createRedisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const store = new RedisStore(options, TERMS);
  await store.start();
  return store;
}

export type { RedisStore, RedisStoreOptions } from './redis/redis-store.ts';
