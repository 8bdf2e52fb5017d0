import { expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { recordsOf } from './testing/records-of.ts';
import { createRedisStore } from './redis.ts';

it('the store of several processes is there, and degraded, where no Redis is; it says so once, and not with which password it asked', async () => {
  const { logger, lines } = recordsOf();
  const store = await createRedisStore({ url: 'redis://someone:a-secret@127.0.0.1:1', clock: systemClock, ids: systemIds(systemClock), logger });
  try {
    expect(store.health().status).toBe('degraded');
    expect(await store.take([{ id: 'who', windows: [], places: 3 }], 0)).toMatchObject({ hold: undefined, full: [true] });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('secret');
  } finally {
    await store.stop();
  }
});
