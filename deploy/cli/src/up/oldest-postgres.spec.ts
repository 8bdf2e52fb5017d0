import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSql } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { ScriptedUpstream } from '@sluice/testkit';
import { runCli, type CliResult } from '../testing/run-cli.ts';
import { UpHouse } from '../testing/up-house.ts';

const LONG_MS = 180_000;

describe('the platform on PostgreSQL 15, the oldest that it works on', () => {
  let database: TestDatabase;
  let upstream: ScriptedUpstream;
  const house = new UpHouse();
  const sluice = async (...words: string[]): Promise<CliResult> => runCli([...words, '--data', house.data], { env: house.state });

  beforeAll(async () => {
    [database, upstream] = await Promise.all([startTestDatabase('oldest'), ScriptedUpstream.start()]);
  }, LONG_MS);
  afterAll(async () => {
    await house.dispose();
    await Promise.all([database.stop(), upstream[Symbol.asyncDispose]()]);
  }, LONG_MS);

  it('makes its tables, answers a call, bills it and proves it', async () => {
    const sql = createSql({ url: database.url, schema: 'public', connections: 1 });
    const [found] = await sql.query<{ server_version: string }>('SHOW server_version');
    await sql.end();
    expect(found!.server_version).toMatch(/^15\./);

    const { ready } = await house.start({ DATABASE_URL: database.url });
    expect(await sluice('model', 'add', 'scripted', '--openai', upstream.baseUrl)).toMatchObject({ code: 0 });
    expect(await sluice('price', 'set', 'scripted', '--input', '1', '--output', '1')).toMatchObject({ code: 0 });
    const answer = await fetch(`${ready.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ready.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'scripted', messages: [{ role: 'user', content: 'What is the answer?' }] }),
    });
    expect(answer.status).toBe(200);
    expect(await sluice('ledger', 'check')).toMatchObject({ code: 0 });
    expect(await sluice('audit', 'verify')).toMatchObject({ code: 0 });
    expect(JSON.parse((await sluice('usage', '--json')).stdout)).toMatchObject({ data: [{ calls: '1' }] });
  }, LONG_MS);
});
