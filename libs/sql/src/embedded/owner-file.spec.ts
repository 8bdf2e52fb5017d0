import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeOwnership } from './owner-file.ts';
import { processIdentity } from './process-identity.ts';
import { makeSocketFolder } from './socket-folder.ts';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'owner-')); });
afterEach(() => rm(folder, { recursive: true }));

describe('takeOwnership', () => {
  it('keeps a second owner out until the first lets go', async () => {
    const release = await takeOwnership(folder);
    await expect(takeOwnership(folder)).rejects.toThrow('in use');
    await release();
    await (await takeOwnership(folder))();
  });

  it.each([
    ['of a process that is gone', async () => '999999999 1 boot'],
    ['of an earlier process with our number', async () => `${process.pid} 1 boot`],
    ['that was cut short', async () => ''],
  ])('replaces a mark %s', async (_name, mark) => {
    await writeFile(join(folder, 'postgres.owner'), await mark());
    const release = await takeOwnership(folder);
    expect(await readFile(join(folder, 'postgres.owner'), 'utf8')).toBe(await processIdentity(process.pid));
    await release();
  });
});

describe('makeSocketFolder', () => {
  it('takes the data folder as long as the socket path fits into 107 bytes', async () => {
    const room = 107 - '/run/.s.PGSQL.5432'.length - folder.length - 1;
    expect(await makeSocketFolder(folder)).toBe(join(folder, 'run'));
    expect(await makeSocketFolder(join(folder, 'x'.repeat(room)), folder)).toBe(join(folder, 'x'.repeat(room), 'run'));
    expect(await makeSocketFolder(join(folder, 'x'.repeat(room + 1)), folder)).toMatch(new RegExp(`^${folder}/sluice-[0-9a-f]{16}$`));
  });

  it('refuses a folder that others may enter, and a path that never fits', async () => {
    const long = join(folder, 'y'.repeat(120));
    await makeSocketFolder(long, folder).then((made) => rm(made, { recursive: true }).then(() => writeFile(made, '')));
    await expect(makeSocketFolder(long, folder)).rejects.toThrow(/EEXIST|0700/);
    await expect(makeSocketFolder(long, long)).rejects.toThrow('too long');
  });
});
