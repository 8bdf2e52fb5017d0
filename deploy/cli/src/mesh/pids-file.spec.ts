import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { PidsFile } from './pids-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-pids-'));
  path = join(folder, 'pids.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('names the processes while they run', () => {
  writeFileSync(path, '{"access":1}');
  const file = new PidsFile(path);
  file.take();
  expect(existsSync(path)).toBe(false);
  file.write('access', 10);
  file.write('audit', 11);
  file.write('access', 12);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ access: 12, audit: 11 });
  file.remove();
  expect(existsSync(path)).toBe(false);
});

it('of another mesh is left alone by one that was not let in', () => {
  writeFileSync(path, '{"access":1}');
  new PidsFile(path).remove();
  expect(readdirSync(folder)).toEqual(['pids.json']);
  expect(readFileSync(path, 'utf8')).toBe('{"access":1}');
});

it('is refused where it cannot be written, and is nothing without a path', () => {
  expect(() => new PidsFile('/proc/pids.json')).toThrow(/^\/proc takes no file, so the file of process ids cannot be there \(E[A-Z]+\)\. Give another path\.$/);
  expect(() => new PidsFile(folder)).toThrow(`${folder} is a folder where the file of process ids should be.`);
  expect(() => new PidsFile(join(folder, 'none', 'pids.json'))).toThrow('There is no folder');
  const none = new PidsFile(undefined);
  none.take();
  none.write('access', 1);
  none.remove();
});
