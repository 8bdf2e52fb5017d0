import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { create } from '@bufbuild/protobuf';
import { NestFactory } from '@nestjs/core';
import { setTimeout as pause } from 'node:timers/promises';
import { createBilling } from '@sluice/billing';
import { systemClock, systemIds, type Clock } from '@sluice/clock';
import { rootKeyFrom } from '@sluice/envelope';
import { ServiceError } from '@sluice/errors';
import { createKafkaEventLog, type KafkaEventLog } from '@sluice/events/kafka';
import { Health } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { InProcessTransport } from '@sluice/rpc';
import { createSql, migrate, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { TestBroker } from '@sluice/stack/testing/broker';
import { createInProcessStore } from '@sluice/store';
import { silentLogger } from '@sluice/telemetry';
import { DatabaseWay } from './database-way.ts';

const LONG_MS = 240_000;
const LIMIT_MS = 60_000;
/** Beats that say the same. */
const SOME_BEATS = 3;
/** What a process believes of its right to the book without a word. */
const HELD_MS = 5_000;

let broker: TestBroker;
let database: TestDatabase;
let way: DatabaseWay;
let worlds = 0;
/** Topics that no other test uses. */
let prefix: string;
let stops: (() => Promise<void>)[];

const open = async (url?: string): Promise<KafkaEventLog> => {
  const log = await createKafkaEventLog({
    brokers: [broker.address], replicas: 1, clientId: 'away', topicPrefix: prefix, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger, ...(url && { database: { url } }),
  });
  stops.push(() => log.stop());
  return log;
};
const pool = (url: string): SqlPool => {
  const sql = createSql({ url, schema: 'public', connections: 2 });
  stops.push(() => sql.end());
  return sql;
};
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const endMs = performance.now() + LIMIT_MS; !(await holds()); await pause(10)) if (performance.now() > endMs) throw new Error('it did not come to pass');
};
const publish = (log: KafkaEventLog, sql: SqlPool, id: string): Promise<void> =>
  sql.transaction((transaction) => log.publish(transaction, AccessChangedSchema, id, create(AccessChangedSchema, { organisationId: id })));

beforeAll(async () => {
  [broker, database] = await Promise.all([TestBroker.start(), startTestDatabase()]);
}, LONG_MS);
beforeEach(async () => {
  prefix = `away-${worlds++}.`;
  stops = [];
  way = await DatabaseWay.to(database.url);
  const sql = pool(database.url);
  await sql.query('DROP SCHEMA IF EXISTS events, billing CASCADE');
});
afterEach(async () => {
  way.heal();
  await Promise.all(stops.map((stop) => stop()));
  await way[Symbol.asyncDispose]();
}, LONG_MS);
afterAll(async () => {
  await Promise.all([database.stop(), broker.end()]);
});

describe('signs of life of an owner whose database is away', () => {
  /** A process of the data plane, which has no database, and what it was told: positions, and ends of the topic. */
  const listen = async (after = 0n) => {
    const heard: string[] = [];
    const log = await open();
    const reader = log.follow(AccessChangedSchema, after, { onRecord: ({ position }) => void heard.push(`record ${position}`), onBeat: (head) => void heard.push(`end ${head}`) });
    await reader.caughtUp();
    const times = (what: string): number => heard.filter((one) => one === what).length;
    return { heard, times };
  };
  /** As the owner's sign of life does it: one after the other. */
  const beating = (log: KafkaEventLog): void => {
    const end = new AbortController();
    const ended = (async () => {
      for (; !end.signal.aborted; await pause(50)) await log.beat(AccessChangedSchema);
    })();
    stops.unshift(async () => {
      end.abort();
      await ended;
    });
  };

  it('go on, with the end that it knew, whether the server is frozen or gone, and say so in its health', async () => {
    const owner = await open(way.url);
    await publish(owner, pool(database.url), 'one');
    const { times } = await listen();
    beating(owner);
    await until(() => times('end 1') >= SOME_BEATS);
    for (const fault of ['freeze', 'cut'] as const) {
      expect(owner.health().status).toBe('ok');
      way[fault]();
      await until(() => owner.health().status === 'degraded');
      const before = times('end 1');
      await until(() => times('end 1') >= before + SOME_BEATS);
      way.heal();
      await until(() => owner.health().status === 'ok');
    }
  }, LONG_MS);

  it('tell nobody that all is there while a transaction of its own may have been committed unseen', async () => {
    const owner = await open(way.url);
    const [its, own] = [pool(way.url), pool(database.url)];
    const { heard, times } = await listen();
    beating(owner);
    await until(() => times('end 0') >= SOME_BEATS);
    const inside = Promise.withResolvers<void>();
    const act = its.transaction(async (transaction) => {
      await owner.publish(transaction, AccessChangedSchema, 'revoked', create(AccessChangedSchema, { organisationId: 'revoked' }));
      inside.resolve();
      await pause(0);
    }).catch(() => undefined);
    await inside.promise;
    way.freeze();
    await until(() => owner.health().status === 'degraded');
    // What was on its way was heard by now.
    for (let beat = 0; beat < SOME_BEATS; beat++) await owner.beat(AccessChangedSchema);
    const silent = heard.length;
    for (let beat = 0; beat < SOME_BEATS; beat++) await owner.beat(AccessChangedSchema);
    expect(heard.slice(silent)).toEqual([]);
    way.heal();
    await act;
    // Whatever became of it, it is known again.
    await until(async () => {
      const [row] = await own.query<{ head: bigint }>('SELECT coalesce(max(head), 0) AS head FROM events.topic');
      return heard.slice(silent).includes(`end ${row!.head}`);
    });
  }, LONG_MS);

  it('do not hide what another owner tells, whose database is well', async () => {
    const [cutOff, well] = [await open(way.url), await open(database.url)];
    await publish(well, pool(database.url), 'one');
    const { heard, times } = await listen();
    beating(cutOff);
    await until(() => times('end 1') >= SOME_BEATS);
    way.cut();
    await until(() => cutOff.health().status === 'degraded');
    // Its end is told, and the record itself does not come.
    await pool(database.url).query("UPDATE events.topic SET head = 2 WHERE name = 'access.changed'");
    await well.beat(AccessChangedSchema);
    await cutOff.beat(AccessChangedSchema);
    const silent = heard.length;
    for (let beat = 0; beat < SOME_BEATS; beat++) await cutOff.beat(AccessChangedSchema);
    expect(heard.slice(silent)).toEqual([]);
  }, LONG_MS);
});

describe('a right that the log is a witness of', () => {
  it('is held by the highest term that was said, and everybody hears of it who asks', async () => {
    const [one, two] = [(await open()).witness!('book'), (await open()).witness!('book')];
    const other = (await open()).witness!('another');
    stops.unshift(() => one.stop(), () => two.stop(), () => other.stop());
    expect([await one.holds(1n), await one.holds(1n)]).toEqual([true, true]);
    expect(await two.holds(2n)).toBe(true);
    expect([await one.holds(1n), await other.holds(1n), await two.holds(2n)]).toEqual([false, true, true]);
    expect([await one.holds(3n), await two.holds(2n)]).toEqual([true, false]);
  }, LONG_MS);
});

describe('the book of budgets of a process that is cut off from the database', () => {
  /** Time runs five times as fast for billing, so that its waits are short. */
  const HASTE = 5;
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() * HASTE, after: (delayMs, run) => systemClock.after(delayMs / HASTE, run) };
  const ids = systemIds(systemClock);

  const startBilling = async (url: string) => {
    const transport = new InProcessTransport();
    const events = await open(url);
    const platform: Platform = {
      connect: (service) => transport.connect(service), serve: (service, implementation) => transport.serve(service, implementation),
      events, clock, ids, store: createInProcessStore(clock), rootKey: rootKeyFrom(ids.randomBytes(32)), logger: silentLogger, health: new Health(),
      sql: async (schema, migrations) => {
        const sql = createSql({ url, schema, connections: 3 });
        stops.push(() => sql.end());
        await migrate(sql, migrations);
        return sql;
      },
    };
    const context = await NestFactory.createApplicationContext(createBilling(platform, {}), { logger: false, abortOnError: false });
    stops.unshift(() => context.close());
    const value = { $typeName: 'billing.v1.HoldRequest', organisationId: 'org', projectId: 'proj', keyId: 'key', model: 'small', producer: 'p', epoch: 1n, inputTokensBound: 1n, outputTokens: 1n, outputTokensBound: 1n, leastOutputTokens: 0n } as const;
    return async (): Promise<string> => {
      const requests = async function* () {
        yield { $typeName: 'billing.v1.SpendRequest', step: { case: 'hold', value: { ...value, callId: ids.callId() } } } as const;
      };
      try {
        for await (const { step } of platform.connect(BillingService).spend(requests())) return step.case ?? 'nothing';
        return 'nothing';
      } catch (thrown) {
        return ServiceError.from(thrown).code;
      }
    };
  };

  it('stays with it as long as nobody else takes it, and is given to nobody else before it has stopped', async () => {
    const one = await startBilling(way.url);
    expect(await one()).toBe('grant');
    way.cut();
    const said: string[] = [];
    for (const endMs = performance.now() + (3 * HELD_MS) / HASTE; performance.now() < endMs; await pause(20)) said.push(await one());
    expect(new Set(said)).toEqual(new Set(['grant']));
    // Starting waits until it can give something out; both are asked meanwhile.
    const starting = startBilling(database.url);
    let two: typeof one | undefined;
    void starting.then((ask) => { two = ask; });
    const grants: string[] = [];
    await until(async () => {
      if ((await one()) === 'grant') grants.push('one');
      if ((await two?.()) === 'grant') grants.push('two');
      return grants.at(-1) === 'two';
    });
    await starting;
    expect([grants.indexOf('two'), grants.lastIndexOf('one')]).toEqual([grants.length - 1, grants.length - 2]);
    expect(await one()).toBe('billing_unavailable');
    way.heal();
    expect([await two!(), await one()]).toEqual(['grant', 'billing_unavailable']);
  }, LONG_MS);
});
