import { describe, expect, it } from '@jest/globals';
import { openWayToDatabase, openWayToRedis } from './open-way.ts';

describe('a server on another machine without TLS', () => {
  it.each([
    'postgresql://db-1/platform', 'postgres://u:p%40x@10.0.0.7:5432/platform', 'postgresql://u@[2001:db8::1]:5432/platform', 'postgresql://u@127.0.0.1/platform?host=db-1', 'postgresql://localhost@db-1/platform', 'postgresql://db-1?application_name=x',
  ])('is the database of %s', (url) => {
    expect(openWayToDatabase(url)).toMatchObject({ setting: 'DATABASE_URL', mend: expect.stringContaining('sslmode=verify-full') });
  });

  it.each([
    undefined, 'postgresql://u:p@127.0.0.1:5432/platform', 'postgresql://localhost/platform', 'postgresql://u@[::1]:5432/platform', 'postgresql://u@/platform?host=/run/postgresql', 'postgresql://%2Frun%2Fpostgresql/platform',
    'postgresql://db-1/platform?sslmode=verify-full', 'postgresql://db-1/platform?sslmode=disable',
  ])('is not the database of %s', (url) => {
    expect(openWayToDatabase(url)).toBeUndefined();
  });

  it('is the Redis of redis://, and its password is not quoted', () => {
    for (const url of ['redis://redis-1', 'redis://:secret@10.0.0.7:6379/0', 'redis://u:secret@[2001:db8::1]:6379']) {
      expect(openWayToRedis(url)).toMatchObject({ setting: 'REDIS_URL', mend: expect.stringContaining('rediss://') });
      expect(JSON.stringify(openWayToRedis(url))).not.toContain('secret');
    }
    for (const url of [undefined, 'rediss://redis-1:6380', 'redis://127.0.0.1:6379', 'redis://:p@localhost', 'redis://[::1]:6379']) expect(openWayToRedis(url)).toBeUndefined();
  });
});
