import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createSql, Listener, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';

let database: TestDatabase;
let sql: SqlPool;

beforeAll(async () => {
  database = await startTestDatabase();
  sql = createSql({ url: database.url, schema: 'public', connections: 1 });
});
afterAll(async () => {
  await sql.end();
  await database.stop();
});

it('hears its channel, says when it listens again after its backend was killed, and ends', async () => {
  const heard: string[] = [];
  let listening = 0;
  let wake = (): void => undefined;
  const until = async (condition: () => boolean): Promise<void> => { while (!condition()) await new Promise<void>((go) => { wake = go; }); };
  const listener = new Listener({
    url: database.url, channel: 'news',
    onNotification: (payload) => { heard.push(payload); wake(); },
    onListening: () => { listening++; wake(); },
  });
  await until(() => listening === 1);
  await sql.query("SELECT pg_notify('news', 'one'), pg_notify('other', 'not for us')");
  await until(() => heard.length === 1);
  await sql.query("SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE query = 'LISTEN news'");
  await until(() => listening === 2);
  await sql.query("SELECT pg_notify('news', 'two')");
  await until(() => heard.length === 2);
  expect(heard).toEqual(['one', 'two']);
  await listener.stop();
  expect(await sql.query("SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN news'")).toEqual([]);
});

it('waits no longer than a second for a server that stands still when it ends', async () => {
  const still = createServer().listen(0, '127.0.0.1');
  await once(still, 'listening');
  const asked = once(still, 'connection') as Promise<[Socket]>;
  const listener = new Listener({ url: `postgresql://sluice@127.0.0.1:${(still.address() as AddressInfo).port}/x`, channel: 'news', onNotification: () => undefined, onListening: () => undefined });
  const [socket] = await asked;
  const startedMs = performance.now();
  await listener.stop();
  expect(performance.now() - startedMs).toBeLessThan(4_000);
  socket.destroy();
  still.close();
});
