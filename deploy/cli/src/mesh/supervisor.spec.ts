import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { meshProcesses } from './mesh-processes.ts';
import { PidsFile } from './pids-file.ts';
import { Supervisor } from './supervisor.ts';

/** A process that serves at once and stays until it is told to stop. */
const SERVES = "process.send({ ready: { url: 'http://u', adminUrl: 'http://a', grpcAddress: 'g:1' } }); setInterval(() => undefined, 1000);";
const WAIT_MS = 10;

describe('the supervisor of a mesh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-supervisor-'));
  const pidsFile = join(folder, 'pids.json');
  let supervisor: Supervisor | undefined;
  afterEach(async () => {
    await supervisor?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('starts again what died although it cannot write down what it started, and says so', async () => {
    const unwritten: string[] = [];
    const died: string[] = [];
    supervisor = new Supervisor({
      processes: meshProcesses(1),
      pidsFile: new PidsFile(pidsFile),
      onUnwritten: (error) => void unwritten.push(error.message),
      of: (one) => ({
        words: [process.execPath, '-e', SERVES], environment: {}, patienceMs: 1_000, clock: systemClock, onLine: () => undefined, onStarted: () => undefined,
        onDied: () => void died.push(one.name),
      }),
    });
    expect(await supervisor.start()).toEqual({ url: 'http://u', adminUrl: 'http://a', grpcAddress: 'g:1' });
    const pids = JSON.parse(readFileSync(pidsFile, 'utf8')) as Record<string, number>;
    expect(Object.keys(pids).toSorted()).toEqual(['access', 'audit', 'billing', 'content-filter-rules', 'data-plane-1', 'local-engine', 'model-registry']);
    rmSync(folder, { recursive: true });
    process.kill(pids['billing']!, 'SIGKILL');
    while (unwritten.length === 0) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    expect([died, unwritten]).toEqual([['billing'], [expect.stringContaining('ENOENT')]]);
  });
});
