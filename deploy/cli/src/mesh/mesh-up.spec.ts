import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { loadRootKey } from '@sluice/envelope';
import { checkRootKey, isBegun } from '@sluice/platform';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { writeCredentials } from '../data-folder/credentials.ts';
import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { writeLayout } from '../data-folder/layout.ts';
import { writePrivateFile } from '../data-folder/private-file.ts';
import { runCli, type CliResult } from '../testing/run-cli.ts';
import { preflight } from '../up/preflight.ts';
import { MeshFile } from './mesh-file.ts';

const LONG_MS = 120_000;

describe('a mesh on a stack whose database belongs to a platform', () => {
  let parent: string;
  let folder: DataFolder;
  let database: TestDatabase;
  beforeEach(async () => {
    parent = mkdtempSync(join(tmpdir(), 'sluice-mesh-up-'));
    folder = dataFolder(join(parent, 'data'));
    mkdirSync(folder.root);
    database = await startTestDatabase();
    // Of the other servers nobody is asked before the keys are right: nothing listens there.
    writeStack(`${folder.root}-stack`, database.url);
    await checkRootKey(database.url, await loadRootKey(join(parent, 'root.key'), { create: true }), systemIds(systemClock));
  }, LONG_MS);
  const writeStack = (stackData: string, url: string): void => {
    const engines = Object.fromEntries([['postgres', url], ['redis', 'redis://127.0.0.1:1'], ['kafka-1', '127.0.0.1:1']].map(([name, address]) => [name, { address, pid: 1, started: 'x', log: 'x' }]));
    mkdirSync(stackData);
    writePrivateFile(join(stackData, 'stack.json'), JSON.stringify({ version: 1, route: 'packages', small: true, engines }));
  };
  afterEach(async () => {
    await database.stop();
    rmSync(parent, { recursive: true, force: true });
  });

  const start = async (env: Record<string, string> = {}, ...words: string[]): Promise<CliResult> =>
    runCli(['mesh', 'up', ...words, '--data', folder.root, '--port', '0', '--admin-port', '0', '--pids', join(parent, 'pids.json')], { env: { SLUICE_GRPC_PORT: '0', ...env } });
  const stack = (): string => `the database of the stack in ${folder.root}-stack`;

  it('does not start from a folder without its keys, and makes none', async () => {
    const { code, stderr } = await start({ SLUICE_PROT: '1', DATABASE_URL: 'rubbish' });
    expect(code).toBe(1);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/knows no setting SLUICE_PROT: it has no effect/),
      expect.stringMatching(new RegExp(`does not use DATABASE_URL: its data go to the servers of the stack in ${folder.root}-stack,`)),
      `sluice: T${stack().slice(1)} belongs to a platform whose data folder is another one than ${folder.root}: there is no root key ${folder.rootKey}.`,
      expect.stringMatching(/^Give its data folder with --data, .*--stack/),
      '',
    ]);
    expect(readdirSync(folder.root)).toEqual([]);
  }, LONG_MS);

  it('does not start on the data folder of sluice up, nor does that on a mesh\'s, because each would be another platform with the keys of the first', async () => {
    const up = async (): Promise<CliResult> => runCli(['up', '--data', folder.root, '--port', '0', '--admin-port', '0'], { env: { SLUICE_GRPC_PORT: '0' } });
    mkdirSync(folder.postgres);
    writePrivateFile(join(folder.postgres, 'PG_VERSION'), '17');
    const { code, stderr } = await start();
    expect({ code, stderr: stderr.split('\n') }).toEqual({ code: 1, stderr: [
      expect.stringContaining(`sluice: The data folder ${folder.root} holds a platform of sluice up`),
      expect.stringMatching(new RegExp(`^Give the mesh a data folder of its own: .*sluice mesh up --data ${folder.root}-mesh --stack ${folder.root}-stack$`)),
      '',
    ] });
    rmSync(folder.postgres, { recursive: true });
    new MeshFile(folder.mesh).keepPlace(`${folder.root}-stack`, {});
    expect(await up()).toMatchObject({ code: 1, stderr: expect.stringMatching(/^sluice: The data folder \S+ holds a platform of sluice mesh up, .*\nStart it with .*sluice mesh up, or give another data folder with --data\.\n$/) });
    expect(readdirSync(folder.root)).toEqual(['mesh.json']);
  }, LONG_MS);

  it('does not start with another root key, and says which, once', async () => {
    writeLayout(folder);
    await loadRootKey(folder.rootKey, { create: true });
    writeCredentials(folder, { apiKey: 'a', adminKey: 'b' });
    const before = readdirSync(folder.root).toSorted();
    const { code, stderr } = await start();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^sluice: The root key ${folder.rootKey} is not the one with which ${stack()} was begun,[^\\n]*\\n[^\\n]*SLUICE_ROOT_KEY_FILE[^\\n]*\\n$`));
    expect([readdirSync(folder.root).toSorted(), existsSync(join(parent, 'pids.json'))]).toEqual([before, false]);
  }, LONG_MS);

  it('does not make new first keys for those that were lost', async () => {
    writeLayout(folder);
    const { code, stderr } = await start({ SLUICE_ROOT_KEY_FILE: join(parent, 'root.key') });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sluice: The first keys .*credentials\.json are lost[^\n]*\nPut the file back from any backup/);
    expect(readdirSync(folder.root)).toEqual(['layout.json']);
  }, LONG_MS);

  describe('and has run', () => {
    const oldStack = (): string => `${folder.root}-stack`;
    beforeEach(() => {
      writeLayout(folder);
      copyFileSync(join(parent, 'root.key'), folder.rootKey);
      writeCredentials(folder, { apiKey: 'a', adminKey: 'b' });
      new MeshFile(folder.mesh).keepPlace(oldStack(), { 'access rpc': 7001 });
    });
    const asItWas = (): [string[], string] => [readdirSync(folder.root).toSorted(), readFileSync(folder.mesh, 'utf8')];

    it('does not begin anew on the empty database of another stack', async () => {
      const empty = await startTestDatabase();
      try {
        const wrong = join(parent, 'wrong-stack');
        writeStack(wrong, empty.url);
        const before = asItWas();
        const { code, stderr } = await start({}, '--stack', wrong);
        expect({ code, stderr: stderr.split('\n') }).toEqual({ code: 1, stderr: [
          `sluice: The database of the stack in ${wrong} is empty, but the platform of the data folder ${folder.root} has its records elsewhere: it ran last on the stack in ${oldStack()}.`,
          'Give the stack that has its records with --stack (a stack may be moved). A new platform starts with another data folder (--data).',
          '',
        ] });
        expect(asItWas()).toEqual(before);
        expect(await isBegun(empty.url)).toBe(false);
      } finally {
        await empty.stop();
      }
    }, LONG_MS);

    it('says of its own stack that it was emptied', async () => {
      const empty = await startTestDatabase();
      try {
        await expect(preflight({ folder, rootKeyFile: undefined, databaseUrl: empty.url, stack: oldStack(), begunOn: oldStack() }, [])).rejects.toThrow(/had its records there when it ran last\.\nPut back what that database had\. A new platform/);
      } finally {
        await empty.stop();
      }
    }, LONG_MS);

    it('may go on where the same database has moved to', async () => {
      await expect(preflight({ folder, rootKeyFile: undefined, databaseUrl: database.url, stack: join(parent, 'moved-stack'), begunOn: oldStack() }, [])).resolves.toBeUndefined();
    }, LONG_MS);
  });
});
