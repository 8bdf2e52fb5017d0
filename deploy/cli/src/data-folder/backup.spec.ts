import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkBackup, makeBackup, restoreBackup } from './backup.ts';
import { dataFolder, type DataFolder } from './data-folder.ts';
import { writeLayout } from './layout.ts';

const NOW_MS = 1_700_000_000_000;
const GIVEN_UP = new Error('given up');

describe('a backup', () => {
  let parent: string;
  let folder: DataFolder;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'sluice-backup-'));
    folder = dataFolder(join(parent, 'data'));
    mkdirSync(folder.models, { recursive: true });
    writeLayout(folder);
    for (const path of [folder.rootKey, folder.credentials, join(folder.models, 'sha256-00.gguf')]) writeFileSync(path, path);
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  /** A backup whose database is one file; `meanwhile` runs when it was copied. */
  const backUp = async (dir: string, signal: AbortSignal, meanwhile = (): void => undefined): Promise<void> => {
    const copyDatabase = async (draft: string): Promise<void> => {
      mkdirSync(join(draft, 'postgres'));
      writeFileSync(join(draft, 'postgres', 'PG_VERSION'), '18\n');
      meanwhile();
    };
    return makeBackup({ folder, rootKeyFile: folder.rootKey, copyDatabase }, dir, NOW_MS, signal);
  };
  const never = new AbortController().signal;

  it('leaves nothing when it is given up, and nothing of others is touched', async () => {
    mkdirSync(join(parent, 'copy.new'));
    const cancel = new AbortController();
    await expect(backUp(join(parent, 'copy'), cancel.signal, () => cancel.abort(GIVEN_UP))).rejects.toBe(GIVEN_UP);
    expect(readdirSync(parent).toSorted()).toEqual(['copy.new', 'data']);
    await backUp(join(parent, 'copy'), never);
    expect(readdirSync(parent).toSorted()).toEqual(['copy', 'copy.new', 'data']);
  });

  it('is restored whole, or not at all: the folder that was there is then as before', async () => {
    await backUp(join(parent, 'copy'), never);
    const source = checkBackup(join(parent, 'copy'));
    writeFileSync(join(folder.root, 'newer'), '');
    await expect(restoreBackup(source, folder, { force: true, nowMs: NOW_MS, signal: AbortSignal.abort(GIVEN_UP) })).rejects.toBe(GIVEN_UP);
    expect(readdirSync(parent).toSorted()).toEqual(['copy', 'data']);
    expect(existsSync(join(folder.root, 'newer'))).toBe(true);
    const { keptAs } = await restoreBackup(source, folder, { force: true, nowMs: NOW_MS, signal: never });
    expect([existsSync(join(keptAs!, 'newer')), existsSync(join(folder.root, 'newer'))]).toEqual([true, false]);
    expect(readdirSync(folder.models)).toEqual(['sha256-00.gguf']);
  });

  it('is refused as a source when it is not there, or broke off', () => {
    expect(() => checkBackup(join(parent, 'none'))).toThrow('There is no folder');
    expect(() => checkBackup(folder.root)).toThrow('not a whole backup');
  });
});
