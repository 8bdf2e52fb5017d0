import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rootKeyFrom } from '@sluice/envelope';
import { givenAway } from '@sluice/testkit';
import { House, type Running } from './testing/house.ts';

const CREDENTIALS = ['planted-upstream-token-1', 'planted-upstream-token-2', 'planted-upstream-token-3'];

describe('an upstream credential', () => {
  const actor = { keyId: 'owner', organisationId: 'org' };
  let house: House;
  let running: Running;
  const add = (baseUrl: string, credential: string) =>
    running.registry.addModel({ actor, name: 'chat', source: { case: 'openai', value: { baseUrl, credential } } });

  beforeAll(async () => {
    house = await House.build();
    running = await house.start();
    await add('http://one/v1', CREDENTIALS[0]!);
    await add('http://one/v1', CREDENTIALS[1]!);
    await add('http://two/v1', CREDENTIALS[2]!);
  });
  afterAll(async () => { await house[Symbol.asyncDispose](); });

  it('is known to a snapshot alone', async () => {
    expect((await running.registry.getSnapshot({})).credentials.map(({ token }) => token)).toEqual(CREDENTIALS.slice(1));
    const { $typeName: _, ...listed } = await running.registry.listModels({ organisationId: 'org' });
    expect(listed.deployments.map(({ hasCredential }) => hasCredential)).toEqual([true, true]);
    const shown = JSON.stringify(listed, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    for (const credential of CREDENTIALS) expect(shown).not.toContain(credential);
  });

  it('lies in no row of any table, the event log included', async () => {
    const dump = await house.everyRow();
    expect(givenAway(CREDENTIALS, dump)).toEqual([]);
    // The dump would show it: it shows the address, in a row and in an event.
    expect(dump).toContain('http://one/v1');
    expect(dump).toContain(Buffer.from('http://one/v1').toString('hex'));
  });

  it('opens under no other deployment', async () => {
    const sql = house.sql('model_registry');
    const rows = await sql.query<{ id: string; sealed_credential: Buffer }>('select id, sealed_credential from deployment order by id');
    await sql.query('update deployment set sealed_credential = $1 where id = $2', [rows[0]!.sealed_credential, rows[1]!.id]);
    await expect(running.registry.getSnapshot({})).rejects.toMatchObject({ code: 'internal' });
    await sql.query('update deployment set sealed_credential = $1 where id = $2', [rows[1]!.sealed_credential, rows[1]!.id]);
    await running.registry.getSnapshot({});
  });

  it('opens under no other root key: a snapshot is refused without a word of it, what needs none goes on', async () => {
    const stranger = await house.start({ rootKey: rootKeyFrom(house.ids.randomBytes(32)) });
    const refusal = await stranger.registry.getSnapshot({}).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'internal' });
    expect((await stranger.registry.listModels({ organisationId: 'org' })).deployments).toHaveLength(2);
    expect(givenAway(CREDENTIALS, [String(refusal), ...house.logged].join('\n'))).toEqual([]);
    await stranger.stop();
  });

  it('is gone for good with its model: no row holds it any more, sealed or not', async () => {
    const { deployment } = await running.registry.addModel({ actor, name: 'brief', source: { case: 'openai', value: { baseUrl: 'http://four/v1', credential: CREDENTIALS[0]! } } });
    await running.registry.removeModel({ actor, name: 'brief' });
    const rows = await house.sql('model_registry').query('select sealed_credential from deployment where id = $1', [deployment!.id]);
    expect(rows).toEqual([{ sealed_credential: null }]);
    expect((await running.registry.getSnapshot({})).credentials.map(({ token }) => token)).toEqual(CREDENTIALS.slice(1));
  });

  it('is not quoted by a refusal or a log line', async () => {
    const wrong = await Promise.all([add('http://three/v1', 'planted upstream token'), add('http://u:planted-token@three', ''), add('http://one/v1', CREDENTIALS[1]!)].map((act) => act.catch(String)));
    expect(wrong.map((text) => /^ServiceError/.test(text as string))).toEqual([true, true, true]);
    expect([...wrong, ...house.logged].join('\n')).not.toMatch(/planted/);
  });
});
