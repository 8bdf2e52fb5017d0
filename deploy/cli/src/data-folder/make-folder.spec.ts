import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { explainErrno } from './explain-errno.ts';
import { makeFolder } from './make-folder.ts';

describe('a folder that is made', () => {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'sluice-folder-'));
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('is there with those above it, for its owner alone, and may be there before', () => {
    const path = join(parent, 'a', 'b', 'c');
    for (let again = 0; again < 2; again++) makeFolder(path, 0o700);
    for (const folder of [path, join(parent, 'a')]) expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('is refused with an end and a word where there can be none', () => {
    writeFileSync(join(parent, 'file'), '');
    symlinkSync('circle', join(parent, 'circle'));
    const refusals: [string, string][] = [
      ['/proc/sluice/data', 'takes no folders'],
      [join(parent, 'file', 'x'), 'is not a folder'],
      [join(parent, 'circle', 'x'), 'circle of symbolic links'],
      [join(parent, 'x'.repeat(300)), 'longer than the file system takes'],
      [join(parent, 'x/'.repeat(4_000)), 'longer than the file system takes'],
    ];
    for (const [path, text] of refusals) {
      let thrown: unknown;
      try {
        makeFolder(path);
      } catch (error) {
        thrown = error;
      }
      expect({ path, said: explainErrno(thrown, path, 'Give another.') }).toEqual({ path, said: expect.stringContaining(text) });
    }
  });
});
