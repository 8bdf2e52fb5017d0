import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock, type Clock } from '@sluice/clock';
import { isRunning } from '../testing/up-house.ts';
import { TerminalLog } from '../up/terminal-log.ts';
import { START_LIMIT_MS, SupervisedProcess, type SupervisedOptions } from './supervised-process.ts';

const READY = "process.send({ ready: { url: 'http://x' } }); process.on('disconnect', () => process.exit()); setInterval(() => 0, 1000);";

const started: SupervisedProcess[] = [];
afterEach(() => started.splice(0).forEach((one) => one.kill()));

function supervise(script: string, more: Partial<SupervisedOptions> = {}) {
  const [pids, lines, deaths]: [number[], string[], string[]] = [[], [], []];
  const one = new SupervisedProcess({
    name: 'it', words: [process.execPath, '-e', script], environment: { PATH: '' }, patienceMs: 30_000, clock: systemClock,
    onLine: (line, hasServed) => lines.push(hasServed ? `served: ${line}` : line), onStarted: (pid) => pids.push(pid), onDied: (how, restMs) => deaths.push(`${how} ${restMs}`), ...more,
  });
  started.push(one);
  return { one, pids, lines, deaths };
}

async function until(isSo: () => boolean): Promise<void> {
  const untilMs = performance.now() + 30_000;
  while (!isSo()) {
    if (performance.now() > untilMs) throw new Error('it did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a supervised process', () => {
  it('is ready when it says so, is started again when it dies, and stops when it is told to', async () => {
    const { one, pids, deaths } = supervise(READY);
    expect(await one.start()).toEqual({ url: 'http://x' });
    process.kill(pids[0]!, 'SIGKILL');
    await until(() => pids.length === 2);
    expect(deaths).toEqual(['SIGKILL 100']);
    await one.stop();
    expect(isRunning(pids[1]!)).toBe(false);
    expect(pids).toHaveLength(2);
  });

  it('has lines of before it served and of after that', async () => {
    const { one, pids, lines } = supervise(`console.log('before'); process.on('SIGUSR2', () => console.log('after')); setTimeout(() => { ${READY} }, 50);`);
    await one.start();
    await until(() => lines.length === 1);
    process.kill(pids[0]!, 'SIGUSR2');
    await until(() => lines.length === 2);
    expect(lines).toEqual(['before', 'served: after']);
  });

  it('is started again also when it was killed in the middle of a line of its log', async () => {
    let shown = '';
    const terminal = new TerminalLog({ write: (text) => (shown += text) }, systemClock);
    const said: string[] = [];
    const onLine = (line: string): void => {
      said.push(line);
      terminal.show(line, 'it');
    };
    const { one, pids, deaths } = supervise(`process.on('SIGUSR2', () => process.stdout.write('{"level":"error","msg":"half', () => process.kill(process.pid, 'SIGKILL'))); ${READY}`, { onLine });
    await one.start();
    process.kill(pids[0]!, 'SIGUSR2');
    await until(() => pids.length === 2);
    expect({ deaths, said, shown }).toEqual({ deaths: ['SIGKILL 100'], said: ['{"level":"error","msg":"half'], shown: '' });
  });

  it('is given up when it dies three times before it served, with what it said', async () => {
    const { one, pids, lines } = supervise("console.log('a line'); console.error('no database'); process.exitCode = 3;");
    await expect(one.start()).rejects.toThrow(/it cannot be started \(exit code 3\)\. What it said last:\n(.*\n)*no database/);
    expect(pids).toHaveLength(3);
    expect(lines).toContain('a line');
    await one.stop();
  });

  /** A clock whose limit of the start passes by hand, the newest one; all other waits are those of the machine. */
  function limitedStarts() {
    const limits: { run: () => void; isCancelled: boolean }[] = [];
    const after: Clock['after'] = (delayMs, run) => {
      if (delayMs !== START_LIMIT_MS) return systemClock.after(delayMs, run);
      const limit = { run, isCancelled: false };
      limits.push(limit);
      return { cancel: () => { limit.isCancelled = true; } };
    };
    return { clock: { ...systemClock, after }, limits };
  }

  it('is given up when it neither serves nor dies, with what it said', async () => {
    const { clock, limits } = limitedStarts();
    const { one, pids, lines } = supervise("console.log('waiting for access'); setInterval(() => 0, 1000);", { clock });
    const start = one.start();
    const refused = expect(start).rejects.toThrow('it cannot be started (it does not serve after 660 s). What it said last:\nwaiting for access');
    await until(() => lines.length === 1);
    limits[0]!.run();
    await refused;
    await one.stop();
    expect(isRunning(pids[0]!)).toBe(false);
  });

  it('is ended and started again when it served once, and hangs while it is started again', async () => {
    const { clock, limits } = limitedStarts();
    const folder = mkdtempSync(join(tmpdir(), 'sluice-supervised-'));
    try {
      // Serves, then hangs, then serves.
      const { one, pids, lines, deaths } = supervise(`require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'starts'))}, '.'); const starts = require('node:fs').readFileSync(${JSON.stringify(join(folder, 'starts'))}, 'utf8').length; if (starts === 2) { console.log('hangs'); setInterval(() => 0, 1000); } else { ${READY} console.log('serves'); }`, { clock });
      await one.start();
      expect(limits.map(({ isCancelled }) => isCancelled)).toEqual([true]);
      process.kill(pids[0]!, 'SIGKILL');
      await until(() => lines.some((line) => line.endsWith('hangs')));
      limits[1]!.run();
      await until(() => limits.length === 3 && limits[2]!.isCancelled);
      expect([deaths, pids.length, isRunning(pids[1]!), isRunning(pids[2]!)]).toEqual([['SIGKILL 100', 'it does not serve after 660 s 200'], 3, false, true]);
      await one.stop();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('that does not stop when it is told to is ended', async () => {
    const { one, pids } = supervise(`process.on('SIGTERM', () => 0); ${READY}`, { patienceMs: 50 });
    await one.start();
    await one.stop();
    expect(isRunning(pids[0]!)).toBe(false);
  });

  /** Ends when it is told to, and leaves a child that holds its outputs. */
  const leaving = (script: string): string => `process.on('SIGTERM', () => { require('node:child_process').spawn('/bin/sh', ['-c', ${JSON.stringify(script)}], { stdio: 'inherit', detached: true }); process.exit(); }); ${READY}`;

  it('is stopped when its last line is there, not when it has ended', async () => {
    const { one, lines } = supervise(leaving('/bin/sleep 0.3; echo last words'));
    await one.start();
    await one.stop();
    expect(lines).toEqual(['served: last words']);
  });

  it('is not waited for when another holds its outputs for ever', async () => {
    const { one, lines } = supervise(leaving('echo $$; exec /bin/sleep 60'));
    await one.start();
    const startedMs = performance.now();
    await one.stop();
    process.kill(Number(lines[0]!.split(' ').at(-1)), 'SIGKILL');
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  });

  it('is not started again when it is stopped while it rests', async () => {
    const { one, pids, deaths } = supervise(READY);
    await one.start();
    process.kill(pids[0]!, 'SIGKILL');
    await until(() => deaths.length === 1);
    await one.stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(pids).toHaveLength(1);
  });
});
