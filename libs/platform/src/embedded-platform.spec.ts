import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { rootKeyFrom } from '@sluice/envelope';
import { silentLogger } from '@sluice/telemetry';
import { createEmbeddedPlatform } from './embedded-platform.ts';

it('gives each service its own migrated schema, copies the running database, and leaves nothing running', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-platform-'));
  try {
    const options = { databaseUrl: undefined, rootKey: rootKeyFrom(Buffer.alloc(32, 1)), logger: silentLogger };
    const first = await createEmbeddedPlatform({ ...options, dataDir: join(folder, 'data') });
    const migrations = [{ name: '0001_notes.sql', sql: 'CREATE TABLE notes (text text)' }];
    const [left, right] = await Promise.all([first.platform.sql('left_side', migrations), first.platform.sql('right_side', migrations)]);
    await left.query('INSERT INTO notes VALUES ($1)', ['kept']);
    expect(await right.query('SELECT * FROM notes')).toEqual([]);
    await first.copyDatabase!(join(folder, 'copy'), new AbortController().signal);
    await first.stop();
    expect(existsSync(join(folder, 'data', 'postgres', 'postmaster.pid'))).toBe(false);
    await expect(left.query('SELECT 1')).rejects.toThrow();

    const copy = await createEmbeddedPlatform({ ...options, dataDir: join(folder, 'copy') });
    expect(await (await copy.platform.sql('left_side', migrations)).query('SELECT text FROM notes')).toEqual([{ text: 'kept' }]);
    await copy.stop();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
