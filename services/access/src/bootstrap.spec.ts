import { createSecretKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rootKeyFrom } from '@sluice/envelope';
import { KeyKind, Role } from '@sluice/proto/access/v1/access';
import { breaksAt } from '@sluice/testkit';
import { sqlActs } from './adapters/acts-sql.ts';
import { loadPepper } from './adapters/pepper-sql.ts';
import { bootstrap } from './domain/bootstrap.ts';
import { keyedHash, newSecret } from './domain/secret.ts';
import { House } from './testing/house.ts';

describe('bootstrap', () => {
  let house: House;
  beforeEach(async () => { house = await House.build(); });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  it('makes an organisation, a project, an owner key and an inference key of exactly the given secrets', async () => {
    const running = await house.start();
    const { organisations, projects, keys, pepper, position } = await running.snapshot();
    expect(organisations).toMatchObject([{ name: 'default' }]);
    expect(projects).toMatchObject([{ project: { name: 'default', organisationId: organisations[0]!.id } }]);
    expect(projects[0]!.dataKeys.map(({ key }) => key.length)).toEqual([32]);
    const hash = (secret: string) => Uint8Array.from(keyedHash(createSecretKey(pepper), secret));
    expect(keys).toHaveLength(2);
    expect(keys.find(({ kind }) => kind === KeyKind.ADMIN)).toMatchObject({ role: Role.OWNER, keyedHash: hash(house.adminKey), prefix: house.adminKey.slice(0, 22) });
    expect(keys.find(({ kind }) => kind === KeyKind.INFERENCE)).toMatchObject({ projectId: projects[0]!.project!.id, keyedHash: hash(house.apiKey), models: [], expiresAtMs: 0n });
    expect(position).toBe(3n);
  });

  it('takes the names that were asked for', async () => {
    const running = await house.start({}, { bootstrap: { adminKey: house.adminKey, apiKey: house.apiKey, organisationName: 'Acme', projectName: 'pilot' } });
    expect(await running.snapshot()).toMatchObject({ organisations: [{ name: 'Acme' }], projects: [{ project: { name: 'pilot' } }] });
  });

  it('changes nothing at the next start, and says nothing', async () => {
    const before = await (await house.start()).snapshot();
    house.logged.length = 0;
    expect(await (await house.start()).snapshot()).toEqual(before);
    expect(house.logged).toEqual([]);
  });

  it('makes one house when two processes start at once', async () => {
    const [one, other] = await Promise.all([house.start(), house.start()]);
    const snapshot = await one.snapshot();
    expect(snapshot.organisations).toHaveLength(1);
    expect(await other.snapshot()).toEqual(snapshot);
  });

  it('leaves nothing behind when it breaks off at any step, and the next start makes all of it', async () => {
    for (let step = 1; step <= 7; step++) {
      await expect(house.start({ events: breaksAt(house.events, step) })).rejects.toThrow('power cut');
      const rows = await house.sql('access').query('select 1 from organisation union all select 1 from project union all select 1 from api_key union all select 1 from data_key');
      expect({ step, rows: rows.length }).toEqual({ step, rows: 0 });
    }
    const { keys, projects, position } = await (await house.start()).snapshot();
    expect({ keys: keys.length, projects: projects.length, position }).toEqual({ keys: 2, projects: 1, position: 3n });
  });

  it('warns and changes nothing when the given keys do not open the house', async () => {
    const before = await (await house.start()).snapshot();
    const others = { adminKey: newSecret('admin', house.ids), apiKey: newSecret('inference', house.ids) };
    const running = await house.start({}, { bootstrap: others });
    expect(await running.snapshot()).toEqual(before);
    expect(house.logged.filter((line) => line.startsWith('warn'))).toEqual([expect.stringContaining('do not open this house')]);
    for (const secret of Object.values(others)) expect(house.logged.join('\n')).not.toContain(secret);
  });

  it('warns when one of the given keys was revoked', async () => {
    const running = await house.start();
    const { actor } = await running.first();
    const { keys } = await running.access.listApiKeys({ organisationId: actor.organisationId });
    await running.access.revokeApiKey({ actor, keyId: keys.find(({ kind }) => kind === KeyKind.INFERENCE)!.id });
    await house.start();
    expect(house.logged.filter((line) => line.startsWith('warn'))).toHaveLength(1);
  });

  it('says which of the three it found', async () => {
    const { platform } = await house.start({}, {});
    const acts = sqlActs(house.sql('access'), platform);
    const administration = { acts, clock: house.clock, ids: house.ids, pepper: createSecretKey((await loadPepper(house.sql('access'), house.rootKey, house.ids))) };
    const first = { adminKey: house.adminKey, apiKey: house.apiKey, organisationName: 'o', projectName: 'p' };
    expect(await bootstrap(administration, first)).toBe('made');
    expect(await bootstrap(administration, first)).toBe('known');
    expect(await bootstrap(administration, { ...first, apiKey: newSecret('inference', house.ids) })).toBe('unknown');
    expect(await bootstrap(administration, { ...first, adminKey: newSecret('admin', house.ids) })).toBe('unknown');
  });

  it('serves an empty house when no keys are given', async () => {
    expect(await (await house.start({}, {})).snapshot()).toMatchObject({ organisations: [], projects: [], keys: [], position: 0n });
  });

  it('refuses keys that are not well formed, without quoting them', async () => {
    const start = house.start({}, { bootstrap: { adminKey: 'weak-planted-key', apiKey: house.apiKey } });
    await expect(start).rejects.toThrow(/43 characters/);
    await expect(start).rejects.not.toThrow(/weak-planted-key/);
  });

  it('does not start under another root key, and says so', async () => {
    await house.start();
    await expect(house.start({ rootKey: rootKeyFrom(house.ids.randomBytes(32)) })).rejects.toThrow(/wrapped by another root key/);
  });
});
