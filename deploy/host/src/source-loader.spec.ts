import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

describe('the loader of sources', () => {
  let root: string;
  let file: string;
  let cache: string;
  beforeEach(() => {
    // A repository of its own, so that its cache is seen from the start.
    root = mkdtempSync(join(tmpdir(), 'sluice-loader-'));
    mkdirSync(join(root, 'deploy/host'), { recursive: true });
    for (const name of ['source-loader.mjs', 'swc-options.mjs']) cpSync(join(REPOSITORY, 'deploy/host', name), join(root, 'deploy/host', name));
    symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
    file = join(root, 'said.ts');
    cache = join(root, '.cache/source');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function run(): { out: string; err: string } {
    const { stdout, stderr } = spawnSync(process.execPath, ['--enable-source-maps', '--import', join(root, 'deploy/host/source-loader.mjs'), file], { encoding: 'utf8' });
    return { out: stdout, err: stderr };
  }
  const entries = (): string[] => readdirSync(cache);

  it('runs what the file says now, whatever was kept of it, and keeps one entry of it', () => {
    for (const said of ['one', 'one', 'another']) {
      writeFileSync(file, `const said: string = '${said}';\nconsole.log(said);\n`);
      expect(run()).toEqual({ out: `${said}\n`, err: '' });
      expect(entries()).toHaveLength(1);
    }
  });

  it('takes what was kept as long as nothing changed', () => {
    writeFileSync(file, `const said: string = 'made';\nconsole.log(said);\n`);
    run();
    const entry = join(cache, entries()[0]!);
    writeFileSync(entry, readFileSync(entry, 'utf8').replace(`'made'`, `'kept'`));
    expect(run().out).toBe('kept\n');
  });

  it('tells the lines of the source, also of what was kept', () => {
    writeFileSync(file, `interface Nothing {\n  readonly at: number;\n}\n\nconst none = (): Nothing => {\n  throw new Error('here');\n};\nnone();\n`);
    const [made, kept] = [run().err, run().err];
    expect(made).toContain(`${file}:6:9`);
    expect(kept).toBe(made);
  });

  it('makes anew what is no entry, and needs no cache', () => {
    writeFileSync(file, `const said: string = 'made';\nconsole.log(said);\n`);
    run();
    writeFileSync(join(cache, entries()[0]!), 'rubbish');
    expect(run()).toEqual({ out: 'made\n', err: '' });
    rmSync(cache, { recursive: true });
    writeFileSync(cache, 'no folder');
    expect(run()).toEqual({ out: 'made\n', err: '' });
  });
});
