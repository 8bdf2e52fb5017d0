import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { systemClock, systemIds } from '@sluice/clock';
import { ActorSchema } from '@sluice/proto/access/v1/access';
import { AdminActedSchema, type AdminActed } from '@sluice/proto/events/v1/calls';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { createSql, migrate, type SqlPool, type SqlTransaction } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import fc from 'fast-check';
import { actorOf, createPostgresEventLog, publishAct, type AdminAct, type PostgresEventLog } from './index.ts';

const ACT: AdminAct = { actor: { keyId: 'key_1', organisationId: 'org_1' }, action: 'key.created', object: 'api_key:key_2', atMs: 1_234, detail: { name: 'n' } };

describe('an act of an administrator', () => {
  let database: TestDatabase;
  let sql: SqlPool;
  let events: PostgresEventLog;
  let outlet: Parameters<typeof publishAct>[0];
  beforeAll(async () => {
    database = await startTestDatabase();
    events = await createPostgresEventLog({ url: database.url, clock: systemClock, logger: silentLogger });
    sql = createSql({ url: database.url, schema: 'owner' });
    outlet = { events, ids: systemIds(systemClock) };
    await migrate(sql, [{ name: '0001_thing.sql', sql: 'create table thing (name text)' }]);
  });
  afterAll(async () => {
    await events.stop();
    await sql.end();
    await database.stop();
  });
  beforeEach(async () => void (await sql.query('delete from owner.thing')));

  const heads = () => sql.transaction(async (transaction) => [await events.position(transaction, AccessChangedSchema), await events.position(transaction, AdminActedSchema)]);
  const things = () => sql.query('select name from owner.thing');
  const change = { schema: AccessChangedSchema, message: create(AccessChangedSchema, { organisationId: 'org_1' }) };
  const make = async (transaction: SqlTransaction) => {
    await transaction.query(`insert into owner.thing values ('made')`);
    await publishAct(outlet, transaction, ACT, change);
  };

  it('is published with the change that it made, both by the organisation, when the transaction commits', async () => {
    const [changes, acts] = await heads();
    await sql.transaction(make);
    const heard: { key: string; message: AdminActed }[] = [];
    const reader = events.follow(AdminActedSchema, acts!, { onRecord: (record) => void heard.push(record), onBeat: () => undefined });
    await reader.caughtUp();
    await reader.stop();
    expect(heard).toMatchObject([{
      key: 'org_1',
      message: { id: expect.stringMatching(/^act_/), actor: ACT.actor, organisationId: 'org_1', action: 'key.created', object: 'api_key:key_2', actedAtMs: 1_234n, detailJson: '{"name":"n"}' },
    }]);
    expect(await heads()).toEqual([changes! + 1n, acts! + 1n]);
    expect(await things()).toHaveLength(1);
  });

  it('did not happen when the transaction ends otherwise: no change, no act, no row', async () => {
    const before = await heads();
    await expect(sql.transaction(async (transaction) => {
      await make(transaction);
      throw new Error('power cut');
    })).rejects.toThrow('power cut');
    expect([await heads(), await things()]).toEqual([before, []]);
  });

  it.each([AccessChangedSchema, AdminActedSchema])('does not happen when $typeName cannot be published', async (broken) => {
    const before = await heads();
    const publish: typeof events.publish = (transaction, schema, ...rest) =>
      schema.typeName === broken.typeName ? Promise.reject(new Error('power cut')) : events.publish(transaction, schema, ...rest);
    await expect(sql.transaction(async (transaction) => {
      await transaction.query(`insert into owner.thing values ('made')`);
      await publishAct({ ...outlet, events: { publish } }, transaction, ACT, change);
    })).rejects.toThrow('power cut');
    expect([await heads(), await things()]).toEqual([before, []]);
  });

  it('comes behind its change, so that every owner locks the topics in the same order', async () => {
    const order: string[] = [];
    const publish: typeof events.publish = async (_transaction, schema) => void order.push(schema.typeName);
    await publishAct({ ...outlet, events: { publish } }, undefined as never, ACT, change);
    expect(order).toEqual([AccessChangedSchema.typeName, AdminActedSchema.typeName]);
  });

  it('may make no change that a replica must hear of', async () => {
    const [changes, acts] = await heads();
    await sql.transaction((transaction) => publishAct(outlet, transaction, ACT));
    expect(await heads()).toEqual([changes, acts! + 1n]);
  });

  it('tells its detail in canonical JSON, whatever order it was given in', async () => {
    const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 3 }));
    const key = fc.oneof(fc.stringMatching(/^[a-z_]{1,8}$/), fc.stringMatching(/^[0-9]{1,3}$/));
    const detailJsonOf = async (entries: readonly (readonly [string, string | number | readonly string[]])[]) => {
      let said = '';
      const publish = async (...[, , , message]: Parameters<typeof events.publish>) => void (said = (message as unknown as AdminActed).detailJson);
      await publishAct({ ...outlet, events: { publish: publish as typeof events.publish } }, undefined as never, { ...ACT, detail: Object.fromEntries(entries) });
      return said;
    };
    await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 6 }), async (entries) => {
      const sorted = [...entries].sort(([one], [other]) => (one < other ? -1 : 1));
      const canonical = `{${sorted.map(([name, said]) => `${JSON.stringify(name)}:${JSON.stringify(said)}`).join(',')}}`;
      expect(await detailJsonOf(entries)).toBe(canonical);
      expect(await detailJsonOf([...entries].reverse())).toBe(canonical);
    }));
  });

  it('has an actor, or is refused by name', () => {
    expect(actorOf(create(ActorSchema, ACT.actor))).toEqual(ACT.actor);
    expect(() => actorOf(undefined)).toThrow(expect.objectContaining({ code: 'missing_required_parameter', param: 'actor' }));
  });
});
