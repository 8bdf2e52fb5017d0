import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { House, servePeople, type Running } from './testing/house.ts';

const CREDENTIALS = ['planted-upstream-token-1', 'planted-upstream-token-2', 'planted-upstream-token-3'];

/** Every row of every table of the house, as text; bytes as hexadecimal digits. */
async function everyRow(house: House): Promise<string> {
  const sql = house.sql('model_registry');
  const tables = await sql.query<{ name: string }>(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  );
  const rows: string[] = [];
  for (const { name } of tables) {
    rows.push(...(await sql.query<{ row: string }>(`select t::text as row from ${name} as t`)).map(({ row }) => `${name} ${row}`));
  }
  return rows.join('\n');
}

/** How text may lie in a row: as it is, in hexadecimal digits (inside of bytes), in base64. */
function shapes(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')];
}

describe('an upstream credential', () => {
  const actor = { keyId: 'owner', organisationId: 'org' };
  let house: House;
  let running: Running;
  const add = (baseUrl: string, credential: string) =>
    running.registry.addModel({ actor, name: 'chat', source: { case: 'openai', value: { baseUrl, credential } } });

  beforeAll(async () => {
    house = await House.build();
    running = await house.start();
    servePeople(running);
    await add('http://one/v1', CREDENTIALS[0]!);
    await add('http://one/v1', CREDENTIALS[1]!);
    await add('http://two/v1', CREDENTIALS[2]!);
  });
  afterAll(async () => { await house[Symbol.asyncDispose](); });

  it('is known to a snapshot alone', async () => {
    expect((await running.snapshot()).credentials.map(({ token }) => token)).toEqual(CREDENTIALS.slice(1));
    const { $typeName: _, ...listed } = await running.registry.listModels({ organisationId: 'org' });
    expect(listed.deployments.map(({ hasCredential }) => hasCredential)).toEqual([true, true]);
    const shown = JSON.stringify(listed, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    for (const credential of CREDENTIALS) expect(shown).not.toContain(credential);
  });

  it('lies in no row of any table, the event log included', async () => {
    const dump = await everyRow(house);
    for (const credential of CREDENTIALS) for (const shape of shapes(credential)) expect(dump.includes(shape)).toBe(false);
    // The dump would show it: it shows the address, in a row and in an event.
    for (const shape of shapes('http://one/v1').slice(0, 2)) expect(dump).toContain(shape);
  });

  it('opens under no other deployment', async () => {
    const sql = house.sql('model_registry');
    const rows = await sql.query<{ id: string; sealed_credential: Buffer }>('select id, sealed_credential from deployment order by id');
    await sql.query('update deployment set sealed_credential = $1 where id = $2', [rows[0]!.sealed_credential, rows[1]!.id]);
    await expect(running.snapshot()).rejects.toMatchObject({ code: 'internal' });
    await sql.query('update deployment set sealed_credential = $1 where id = $2', [rows[1]!.sealed_credential, rows[1]!.id]);
    await running.snapshot();
  });

  it('is not quoted by a refusal or a log line', async () => {
    const wrong = await Promise.all([add('http://three/v1', 'planted upstream token'), add('http://u:planted-token@three', ''), add('http://one/v1', CREDENTIALS[1]!)].map((act) => act.catch(String)));
    expect(wrong.map((text) => /^ServiceError/.test(text as string))).toEqual([true, true, true]);
    expect([...wrong, ...house.logged].join('\n')).not.toMatch(/planted/);
  });
});
