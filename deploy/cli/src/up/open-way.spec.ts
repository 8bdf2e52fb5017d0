import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { runCli } from '../testing/run-cli.ts';

it('says before it asks it that the database of another machine is spoken to in plain text, and no password', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'sluice-open-way-'));
  try {
    const up = async (url: string): Promise<string> => (await runCli(['up', '--no-model', '--port', '0', '--admin-port', '0', '--data', join(parent, 'data')], { env: { DATABASE_URL: url } })).stderr;
    const said = await up('postgresql://u:secret@db.invalid/platform');
    expect(said).toMatch(/^Warning: DATABASE_URL names a PostgreSQL on another machine without TLS: .* Mend: add sslmode=verify-full .*\nsluice: The database of DATABASE_URL \(db\.invalid\/platform\) cannot be used/);
    expect(said).not.toContain('secret');
    expect(await up('postgresql://u:secret@db.invalid/platform?sslmode=disable')).not.toContain('Warning');
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
