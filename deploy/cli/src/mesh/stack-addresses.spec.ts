import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stackFolder } from '@sluice/stack';
import { CommandFailed } from '../exit-code.ts';
import { stackAddresses } from './stack-addresses.ts';

describe('the addresses of a stack', () => {
  let data: string;
  beforeEach(async () => { data = await mkdtemp(join(tmpdir(), 'sluice-stack-addresses-')); });
  afterEach(async () => rm(data, { recursive: true }));

  const running = async (small: boolean, ...names: string[]): Promise<void> => {
    const engines = Object.fromEntries(names.map((name) => [name, { address: `${name}:1`, pid: 1, started: 'then', log: 'log' }]));
    await writeFile(stackFolder(data).stackFile, JSON.stringify({ version: 1, route: 'packages', small, engines }), { mode: 0o600 });
  };

  it.each([
    ['three brokers', false, ['kafka-1', 'kafka-2', 'kafka-3'], 3],
    ['three brokers, of which one runs', false, ['kafka-1'], 3],
    ['one broker', true, ['kafka-1'], 1],
  ] as const)('of %s name those that run, and as many replicas as the stack is for', async (_, small, brokers, kafkaReplicas) => {
    await running(small, 'postgres', 'redis', ...brokers);
    expect(await stackAddresses(data)).toEqual({ databaseUrl: 'postgres:1', redisUrl: 'redis:1', kafkaBrokers: brokers.map((name) => `${name}:1`).join(','), kafkaReplicas });
  });

  it('of one that does not run, or not all of it, are not there', async () => {
    await expect(stackAddresses(data)).rejects.toThrow(CommandFailed);
    await running(true, 'postgres', 'kafka-1');
    await expect(stackAddresses(data)).rejects.toThrow('has no redis');
  });

  it('whose file is damaged are refused with the mend', async () => {
    const { stackFile } = stackFolder(data);
    await writeFile(stackFile, '{"version":1,');
    const refusal = await stackAddresses(data).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CommandFailed);
    expect((refusal as CommandFailed).message).toBe(`${stackFile} cannot be read: it is damaged, or of another version. End the servers of this folder that still run, if any, and delete it: the next start writes it anew.`);
  });

  it('of one that is just being started are waited for', async () => {
    const { lock } = stackFolder(data);
    const start = spawn('flock', [lock, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
    start.stdin.write('held\n');
    await once(start.stdout, 'data');
    await running(true, 'postgres', 'kafka-1');
    await expect(stackAddresses(data)).rejects.toThrow(`The stack in ${data} has no redis. A stack command is at work on it, as while it starts: wait until that has ended.`);
    start.stdin.end();
    await once(start, 'exit');
    await expect(stackAddresses(data)).rejects.toThrow('Start it with');
  });
});
