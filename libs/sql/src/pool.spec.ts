import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSql, SqlError, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';

let database: TestDatabase;
let sql: SqlPool;

beforeAll(async () => {
  database = await startTestDatabase();
  sql = createSql({ url: database.url, schema: 'shop', connections: 2 });
  await sql.query('CREATE SCHEMA shop');
  await sql.query('CREATE TABLE item (id bigint PRIMARY KEY, picture bytea, label text)');
});
afterAll(async () => {
  await sql.end();
  await database.stop();
});

const failure = (work: Promise<unknown>): Promise<SqlError> => work.then(() => { throw new Error('did not fail'); }, (thrown: SqlError) => thrown);

describe('values', () => {
  it('keeps 64-bit integers and bytes exact, both ways', async () => {
    const picture = Uint8Array.from([0, 255, 92, 10]);
    const [row] = await sql.query('INSERT INTO item VALUES ($1, $2, $3) RETURNING id, picture', [9_007_199_254_740_993n, picture, null]);
    expect(row).toEqual({ id: 9_007_199_254_740_993n, picture: Buffer.from(picture) });
    const [found] = await sql.query('SELECT count(*) AS n FROM item WHERE id = ANY($1::bigint[])', [[9_007_199_254_740_993n, 9_007_199_254_740_992n]]);
    expect(found).toEqual({ n: 1n });
    const [sum] = await sql.query('SELECT sum(id)::numeric * 1000 AS large, -sum(id)::numeric AS negative, 1.50::numeric AS cut FROM item');
    expect(sum).toEqual({ large: 9_007_199_254_740_993_000n, negative: -9_007_199_254_740_993n, cut: '1.50' });
  });

  it('finds tables in its schema only', async () => {
    const other = createSql({ url: database.url, schema: 'elsewhere', connections: 1 });
    expect(await failure(other.query('SELECT * FROM item'))).toMatchObject({ kind: 'refused', sqlState: '42P01' });
    await other.end();
  });

  it('plans a named statement once per connection', async () => {
    const one = createSql({ url: database.url, schema: 'shop', connections: 1 });
    const statement = { name: 'double', text: 'SELECT $1::int * 2 AS doubled' };
    expect(await one.query(statement, [4])).toEqual([{ doubled: 8 }]);
    expect(await one.query(statement, [5])).toEqual([{ doubled: 10 }]);
    expect(await one.query('SELECT name FROM pg_prepared_statements')).toEqual([{ name: 'double' }]);
    await one.end();
  });
});

describe('errors', () => {
  it('names a key that exists by its constraint and never quotes the value', async () => {
    await sql.query("INSERT INTO item VALUES (1, NULL, 'secret')");
    const error = await failure(sql.query("INSERT INTO item VALUES (1, NULL, 'secret')"));
    expect(error).toMatchObject({ kind: 'unique_violation', constraint: 'item_pkey', sqlState: '23505' });
    const invalid = await failure(sql.query('SELECT $1::text::bigint', ['secret']));
    expect(invalid.kind).toBe('refused');
    expect(`${error.message} ${invalid.message} ${JSON.stringify(invalid)}`).not.toContain('secret');
  });

  it.each([['53100', 'disk_full'], ['40001', 'conflict'], ['40P01', 'conflict'], ['57014', 'timeout'], ['57P03', 'unavailable'], ['08006', 'unavailable'], ['P0001', 'refused']])('knows SQLSTATE %s as %s', async (state, kind) => {
    const error = await failure(sql.query(`DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '${state}'; END $$`));
    expect(error).toBeInstanceOf(SqlError);
    expect(error.kind).toBe(kind);
  });

  it('says that a server is away', async () => {
    const away = createSql({ url: 'postgresql://nobody@/none?host=/nonexistent', schema: 'shop' });
    expect(await failure(away.query('SELECT 1'))).toMatchObject({ kind: 'unavailable', sqlState: 'ENOENT' });
    await away.end();
  });
});

describe('transactions', () => {
  it('commits what the work returned, and rolls back what it threw', async () => {
    expect(await sql.transaction(async (transaction) => transaction.query('INSERT INTO item VALUES (10) RETURNING id'))).toEqual([{ id: 10n }]);
    const fault = new Error('no');
    await expect(sql.transaction(async (transaction) => {
      await transaction.query('INSERT INTO item VALUES (11)');
      throw fault;
    })).rejects.toBe(fault);
    expect(await sql.query('SELECT id FROM item WHERE id IN (10, 11)')).toEqual([{ id: 10n }]);
  });

  it('does not report success when a failed statement was ignored', async () => {
    const error = await failure(sql.transaction(async (transaction) => {
      await transaction.query('INSERT INTO item VALUES (12)');
      await transaction.query('SELECT 1/0').catch(() => undefined);
    }));
    expect(error.message).toContain('rolled back');
    expect(await sql.query('SELECT id FROM item WHERE id = 12')).toEqual([]);
  });

  it('leaves no transaction open on the connection it gives back', async () => {
    const one = createSql({ url: database.url, schema: 'shop', connections: 1 });
    await failure(one.transaction(async (transaction) => transaction.query('SELECT 1/0')));
    expect(await one.query("SELECT count(*) AS n FROM pg_stat_activity WHERE pid = pg_backend_pid() AND xact_start < statement_timestamp() - interval '0'")).toEqual([{ n: 0n }]);
    await one.end();
  });
});

describe('losses', () => {
  it('goes on after its backends were killed, idle or in a transaction', async () => {
    const killer = createSql({ url: database.url, schema: 'shop', connections: 1 });
    const kill = (pid: unknown): Promise<unknown> => killer.query('SELECT pg_terminate_backend($1, 2000)', [pid]);
    const [idle] = await sql.query('SELECT pg_backend_pid() AS pid');
    await kill(idle?.['pid']);
    const error = await failure(sql.transaction(async (transaction) => {
      const [row] = await transaction.query('SELECT pg_backend_pid() AS pid');
      await kill(row?.['pid']);
      await transaction.query('SELECT 1');
    }).then(() => sql.query('SELECT 1/0')));
    expect(error.kind).toBe('unavailable');
    expect(await sql.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await killer.end();
  });

  it('outlives a server that says good-bye in the same breath in which it greets', async () => {
    // PostgreSQL's manual, "Message Formats": AuthenticationOk, ReadyForQuery, ErrorResponse. The real server does this only when it is killed at the right moment.
    const message = (type: string, body: string): Buffer => {
      const frame = Buffer.concat([Buffer.from(type), Buffer.alloc(4), Buffer.from(body, 'latin1')]);
      frame.writeInt32BE(frame.length - 1, 1);
      return frame;
    };
    const farewell = message('E', 'SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0');
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(Buffer.concat([message('R', '\0\0\0\0'), message('Z', 'I'), farewell])));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const dying = createSql({ url: `postgresql://sluice@127.0.0.1:${(server.address() as AddressInfo).port}/x`, schema: 'shop', connections: 1 });
    for (let round = 0; round < 3; round++) expect(await failure(dying.query('SELECT 1'))).toMatchObject({ kind: 'unavailable' });
    await dying.end();
    server.close();
    await once(server, 'close');
  });

  describe('behind a network that forgets connections', () => {
    interface Way { readonly client: Socket; readonly server: Socket }
    const ways = new Set<Way>();
    let between: Server;
    let far: SqlPool;

    beforeAll(async () => {
      const at = new URL(database.url.replace('@/', '@localhost/'));
      const socketFile = `${at.searchParams.get('host')!}/.s.PGSQL.${at.searchParams.get('port') ?? '5432'}`;
      between = createServer({ allowHalfOpen: true }, (client) => {
        const server = connect(socketFile);
        ways.add({ client, server });
        client.on('error', () => undefined).pipe(server.on('error', () => undefined)).pipe(client);
      }).listen(0, '127.0.0.1');
      await once(between, 'listening');
      far = createSql({ url: `postgresql://${at.username}@127.0.0.1:${(between.address() as AddressInfo).port}${at.pathname}`, schema: 'shop', connections: 2 });
    });
    beforeEach(async () => {
      await Promise.all([far.query('SELECT pg_sleep(0.1)'), far.query('SELECT pg_sleep(0.1)')]);
    });
    afterAll(async () => {
      await far.end();
      for (const { client } of ways) client.destroy();
      between.close();
    });

    const cutOff = (but?: Way): void => {
      for (const way of ways) {
        if (way === but) continue;
        ways.delete(way);
        way.server.unpipe(way.client).destroy();
        way.client.unpipe(way.server).resume();
      }
    };

    it('gives up connections whose other end is gone without a word, long before a statement may last so long', async () => {
      cutOff();
      const askedMs = performance.now();
      expect(await failure(far.query('SELECT 1'))).toMatchObject({ kind: 'unavailable' });
      expect(await far.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(performance.now() - askedMs).toBeLessThan(15_000);
    }, 30_000);

    it('leaves a connection alone that only works for long', async () => {
      expect(await far.query('SELECT 2 AS two, pg_sleep(4)')).toMatchObject([{ two: 2 }]);
    }, 30_000);

    it('asks a connection first that was idle for some time, so that its next user hears nothing of it', async () => {
      let behindIt: unknown;
      const meanwhile = far.transaction(async (transaction) => {
        await transaction.query('SELECT pg_sleep(2.5)');
        cutOff();
        behindIt = await far.query('SELECT 1 AS one');
      });
      expect(await failure(meanwhile)).toMatchObject({ kind: 'unavailable' });
      expect(behindIt).toEqual([{ one: 1 }]);
    }, 30_000);

    it('lets the others work on when an idle connection turns out to be gone', async () => {
      const result = await far.transaction(async (transaction) => {
        const sentBytes = new Map([...ways].map((way) => [way, way.server.bytesWritten]));
        await transaction.query('SELECT pg_sleep(2.5)');
        cutOff([...ways].find((way) => way.server.bytesWritten > sentBytes.get(way)!));
        expect(await far.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
        return transaction.query('SELECT 3 AS three');
      });
      expect(result).toEqual([{ three: 3 }]);
    }, 30_000);
  });

  it('leaves statements alone behind a pooler that gives connections numbers of its own', async () => {
    const at = new URL(database.url.replace('@/', '@localhost/'));
    const socketFile = `${at.searchParams.get('host')!}/.s.PGSQL.${at.searchParams.get('port') ?? '5432'}`;
    // PostgreSQL's manual, "Message Formats": BackendKeyData has a letter, its length of 12, the number of the process, a key.
    const keyData = Buffer.from([0x4b, 0, 0, 0, 12]);
    const unknownProcess = 1_999_999_999;
    const pooler = createServer((client) => {
      const server = connect(socketFile);
      client.on('error', () => undefined).pipe(server.on('error', () => undefined));
      server.on('data', (data: Buffer) => {
        const key = data.indexOf(keyData);
        if (key >= 0) data.writeInt32BE(unknownProcess, key + keyData.length);
        client.write(data);
      }).on('close', () => client.destroy());
    }).listen(0, '127.0.0.1');
    await once(pooler, 'listening');
    const pooled = createSql({ url: `postgresql://${at.username}@127.0.0.1:${(pooler.address() as AddressInfo).port}${at.pathname}`, schema: 'shop', connections: 2 });
    const answer = await pooled.query('SELECT 1 AS one, pg_sleep(4)').catch((thrown: unknown) => thrown);
    await pooled.end();
    pooler.close();
    expect(answer).toMatchObject([{ one: 1 }]);
  }, 30_000);

  it('waits for nothing any longer once it is told so', async () => {
    const impatience = new AbortController();
    const ending = createSql({ url: database.url, schema: 'shop', connections: 2, signal: impatience.signal });
    const begun = Promise.withResolvers<void>();
    const long = ending.transaction(async (transaction) => {
      await transaction.query('SELECT 1');
      begun.resolve();
      await transaction.query('SELECT pg_sleep(20)');
    });
    await begun.promise;
    const startedMs = performance.now();
    impatience.abort();
    expect([(await failure(long)).kind, (await failure(ending.query('SELECT 1'))).kind]).toEqual(['unavailable', 'unavailable']);
    await ending.end();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it('bounds the number of callers that wait', async () => {
    const one = createSql({ url: database.url, schema: 'shop', connections: 1 });
    const callers = Array.from({ length: 1_100 }, () => one.query('SELECT 1').then(() => 'done', (thrown: SqlError) => thrown.kind));
    const ends = await Promise.all(callers);
    expect(ends.filter((end) => end === 'unavailable').length).toBeGreaterThan(0);
    expect(ends.filter((end) => end === 'done').length).toBeGreaterThanOrEqual(1_000);
    await one.end();
  });
});
