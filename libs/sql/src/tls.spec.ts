import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Authority } from '@sluice/certificates';
import { systemClock, systemIds } from '@sluice/clock';
import { findBinaries } from './embedded/binaries.ts';
import { DATABASE, makeCluster, ROLE } from './embedded/cluster.ts';
import { endServer } from './embedded/postmaster-pid.ts';
import { spawnPostmaster, waitUntilReady } from './embedded/postmaster.ts';
import { makeSocketFolder } from './embedded/socket-folder.ts';
import { findLauncher } from './embedded/unprivileged.ts';
import { createSql } from './pool.ts';

const ids = systemIds(systemClock);

describe('a database over TLS', () => {
  let folder: string;
  let port: number;
  let pid: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
    const [binaries, launcher] = await Promise.all([findBinaries(), findLauncher()]);
    await launcher.letThrough(folder);
    const place = { cluster: join(folder, 'postgres'), socketFolder: await makeSocketFolder(folder), logFile: join(folder, 'postgres.log') };
    await launcher.own(place.socketFolder);
    await makeCluster(binaries, launcher, place.cluster, false);
    const authority = Authority.make('the database', systemClock, ids);
    const server = authority.issue({ subject: 'database', services: [], hosts: ['localhost', '127.0.0.1'] });
    await writeFile(join(folder, 'ca.pem'), authority.pair.certificate);
    await writeFile(join(folder, 'other.pem'), Authority.make('somebody else', systemClock, ids).pair.certificate);
    await writeFile(join(place.cluster, 'server.crt'), server.certificate);
    await writeFile(join(place.cluster, 'server.key'), server.key, { mode: 0o600 });
    await writeFile(join(place.cluster, 'pg_hba.conf'), 'hostssl all all 127.0.0.0/8 trust\n');
    await launcher.own(place.cluster);
    port = await freePort();
    const child = await spawnPostmaster(binaries, launcher, place, { listen_addresses: '127.0.0.1,127.0.0.2', port: String(port), ssl: 'on', ssl_min_protocol_version: 'TLSv1.3', fsync: 'off' });
    pid = child.pid!;
    await waitUntilReady(child, place);
  }, 60_000);

  afterAll(async () => {
    await endServer(pid, 10_000);
    await rm(folder, { recursive: true, force: true });
  });

  /** Protocol of the connection, or why there is none. */
  async function ask(host: string, parameters: string): Promise<string> {
    const sql = createSql({ url: `postgresql://${ROLE}@${host}:${port}/${DATABASE}?${parameters}`, schema: 'public', connections: 1 });
    try {
      const [row] = await sql.query<{ version: string }>('SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
      return row!.version;
    } catch (thrown) {
      return (thrown as Error).message;
    } finally {
      await sql.end();
    }
  }

  it.each(['localhost', '127.0.0.1'])('is used when the certificate is of the authority and names %s', async (host) => {
    expect(await ask(host, `sslmode=verify-full&sslrootcert=${folder}/ca.pem`)).toBe('TLSv1.3');
  });

  it('is refused when another authority signed, or one that this machine does not know', async () => {
    expect(await ask('localhost', `sslmode=verify-full&sslrootcert=${folder}/other.pem`)).toContain('certificate');
    expect(await ask('localhost', 'sslmode=verify-full')).toContain('certificate');
  });

  it('is refused when the certificate names another host', async () => {
    expect(await ask('127.0.0.2', `sslmode=verify-full&sslrootcert=${folder}/ca.pem`)).toContain('does not match');
  });

  it('takes nobody in plain text where the server wants TLS', async () => {
    expect(await ask('localhost', 'sslmode=disable')).toContain('no encryption');
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
