import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MeshFile } from './mesh-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-mesh-file-'));
  path = join(folder, 'mesh.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('remembers ports and processes, for its owner alone', () => {
  const file = new MeshFile(path);
  expect([file.port('access rpc'), file.processes]).toEqual([undefined, {}]);
  file.keepPlace('/old', { 'access rpc': 20_000, 'data-plane-3 rpc': 20_009 });
  file.keepPlace('/stack', { 'access rpc': 20_001 });
  file.keepProcess('access', { pid: 7, started: 'then' });
  file.keepProcess('access', { pid: 8, started: 'now' });
  const again = new MeshFile(path);
  expect([again.stack, again.ports, again.processes]).toEqual(['/stack', { 'access rpc': 20_001 }, { access: { pid: 8, started: 'now' } }]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('that was written before it knew its stack is read all the same', () => {
  writeFileSync(path, '{"version":1,"ports":{"one":1},"processes":{}}');
  expect([new MeshFile(path).stack, new MeshFile(path).port('one')]).toEqual([undefined, 1]);
});

it.each(['', 'rubbish', '{"version":2,"ports":{},"processes":{}}'])('is not taken for none where it cannot be read: %j', (text) => {
  writeFileSync(path, text);
  expect(() => new MeshFile(path)).toThrow(`${path} cannot be read: it is damaged, or of another version. Remove it,`);
});
