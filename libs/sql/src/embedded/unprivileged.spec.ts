import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries } from './binaries.ts';
import { makeCluster } from './cluster.ts';
import { endServer } from './postmaster-pid.ts';
import { spawnPostmaster, waitUntilReady } from './postmaster.ts';
import { makeSocketFolder } from './socket-folder.ts';
import { AS_NOBODY, findLauncher } from './unprivileged.ts';

describe('findLauncher', () => {
  it('starts programs as they are for an ordinary user', async () => {
    expect(await findLauncher(1000)).toMatchObject({ prefix: [], identity: undefined });
  });

  it('never starts a program as plain root', async () => {
    const launcher = await findLauncher(0);
    expect(launcher.prefix[0] === 'unshare' || launcher.identity !== undefined).toBe(true);
  });
});

// Only root can become someone else; for anyone else this way does not exist.
if (process.getuid?.() === 0) describe('as nobody', () => {
  it('runs a server whose files belong to nobody', async () => {
    const data = await mkdtemp(join(tmpdir(), 'nobody-'));
    const binaries = await findBinaries();
    await AS_NOBODY.letThrough(data);
    const cluster = join(data, 'postgres');
    await makeCluster(binaries, AS_NOBODY, cluster, false);
    const socketFolder = await makeSocketFolder(data);
    await AS_NOBODY.own(socketFolder);
    const place = { cluster, socketFolder, logFile: join(data, 'postgres.log') };
    const child = await spawnPostmaster(binaries, AS_NOBODY, place);
    await waitUntilReady(child, place);
    expect((await stat(join(cluster, 'postmaster.pid'))).uid).toBe(65_534);
    await endServer(child.pid!, 60_000);
    await rm(data, { recursive: true });
  });
});
