import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { removeRegions } from './triton-regions.ts';

const REGION = `triton_python_backend_shm_region_${randomUUID()}`;
const MAPS = 'import mmap, signal, sys; f = open(sys.argv[1], "r+b"); m = mmap.mmap(f.fileno(), 0); print("mapped", flush=True); signal.pause()';

let folder: string;
let user: ChildProcessByStdio<null, Readable, null> | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-regions-'));
  for (const name of [`${REGION}a`, `${REGION}b`, 'psm_other']) writeFileSync(join(folder, name), 'x');
});
afterEach(() => {
  user?.kill();
  rmSync(folder, { recursive: true, force: true });
});

it('of a user that nobody uses go, and what is used or is none stays', async () => {
  user = spawn('python3', ['-c', MAPS, join(folder, `${REGION}b`)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(user.stdout, 'data');
  await removeRegions(folder);
  expect(readdirSync(folder).toSorted()).toEqual(['psm_other', `${REGION}b`]);
  const ended = once(user, 'exit');
  user.kill();
  await ended;
  await removeRegions(folder);
  expect(readdirSync(folder).toSorted()).toEqual(['psm_other']);
});

it('of another user stay', async () => {
  await removeRegions(folder, process.getuid!() + 1);
  expect(readdirSync(folder)).toHaveLength(3);
});

it('that cannot be removed are no failure', async () => {
  // What rm refuses, whoever asks.
  mkdirSync(join(folder, `${REGION}c`));
  await removeRegions(folder);
  expect(readdirSync(folder).toSorted()).toEqual(['psm_other', `${REGION}c`]);
  await removeRegions(join(folder, 'none'));
});
