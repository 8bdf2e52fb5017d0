import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeyKind, Role } from '@sluice/proto/access/v1/access';
import { House, type Running } from './testing/house.ts';

/** Every row of every table of the house, as text; bytes as hexadecimal digits. */
async function everyRow(house: House): Promise<string> {
  const sql = house.sql('access');
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

/** How bytes may lie in a row: as they are, in hexadecimal digits (also of a text inside of bytes), in base64. */
function shapes(secret: string | Uint8Array): string[] {
  const bytes = Buffer.from(secret as string);
  return [...(typeof secret === 'string' ? [secret] : []), bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')];
}

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
    dump = await everyRow(house);
  });
  afterAll(async () => { await house[Symbol.asyncDispose](); });

  it('lies in no row of any table, the event log included', () => {
    expect(secrets).toHaveLength(7);
    for (const secret of secrets) for (const shape of shapes(secret)) expect(dump.includes(shape)).toBe(false);
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
    const said = [String(wrong), ...house.logged].join('\n');
    for (const secret of secrets) for (const shape of shapes(secret)) expect(said.includes(shape)).toBe(false);
  });
});
