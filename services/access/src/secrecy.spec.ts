import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeyKind, Role } from '@sluice/proto/access/v1/access';
import { givenAway } from '@sluice/testkit';
import { House, type Running } from './testing/house.ts';

describe('what access knows and nobody else may', () => {
  let house: House;
  let running: Running;
  const secrets: (string | Uint8Array)[] = [];
  let dump: string;

  beforeAll(async () => {
    house = await House.build();
    running = await house.start();
    const { actor, projectId } = await running.first();
    const made = [
      await running.access.createApiKey({ actor, kind: KeyKind.INFERENCE, projectId, name: 'app' }),
      await running.access.createApiKey({ actor, kind: KeyKind.ADMIN, role: Role.MEMBER, name: 'admin' }),
    ];
    await running.access.createProject({ actor, name: 'second' });
    await running.access.revokeApiKey({ actor, keyId: made[0]!.key!.id });
    const { projects, pepper } = await running.snapshot();
    secrets.push(house.adminKey, house.apiKey, ...made.map(({ secret }) => secret), pepper, ...projects.flatMap(({ dataKeys }) => dataKeys.map(({ key }) => key)));
    dump = await house.everyRow();
  });
  afterAll(async () => { await house[Symbol.asyncDispose](); });

  it('lies in no row of any table, the event log included', () => {
    expect(secrets).toHaveLength(7);
    expect(givenAway(secrets, dump)).toEqual([]);
  });

  it('would be found if it did: names and prefixes are', () => {
    expect(dump).toContain(house.apiKey.slice(0, 16));
    expect(dump).toContain(Buffer.from(house.apiKey.slice(0, 16)).toString('hex'));
    expect(dump).toContain(Buffer.from('key.revoked').toString('hex'));
  });

  it('lies in no log line and no refusal', async () => {
    const { actor } = await running.first();
    const wrong = await running.access.createProject({ actor: { ...actor, keyId: house.adminKey }, name: 'x' }).catch((error: unknown) => error);
    expect(wrong).toBeInstanceOf(Error);
    expect(givenAway(secrets, [String(wrong), ...house.logged].join('\n'))).toEqual([]);
  });
});
