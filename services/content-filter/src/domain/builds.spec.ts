import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { Builds } from './builds.ts';

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('builds', () => {
  it('run two at a time, in the order they came, each with its whole time', async () => {
    const clock = new ManualClock();
    const builds = new Builds(clock);
    const begun: number[] = [];
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<number>());
    const running = gates.map(({ promise }, index) => builds.run(1_000, () => (begun.push(index), promise)));
    await settle();
    expect(begun).toEqual([0, 1]);
    clock.advance(999);
    gates[1]!.resolve(1);
    await settle();
    expect(begun).toEqual([0, 1, 2]);
    clock.advance(1);
    await expect(running[0]).rejects.toMatchObject({ code: 'deadline_exceeded' });
    gates[2]!.resolve(2);
    gates[3]!.resolve(3);
    await expect(Promise.all(running.slice(1))).resolves.toEqual([1, 2, 3]);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it('tell the work when nobody waits for it any more', async () => {
    const clock = new ManualClock();
    const builds = new Builds(clock);
    const signals: AbortSignal[] = [];
    const hangs = (signal: AbortSignal): Promise<never> => (signals.push(signal), new Promise(() => undefined));
    const [late, stopped] = [builds.run(10, hangs), builds.run(1_000, hangs)];
    clock.advance(10);
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    builds.stop();
    await expect(stopped).rejects.toMatchObject({ code: 'draining' });
    await expect(builds.run(1_000, hangs)).rejects.toMatchObject({ code: 'draining' });
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });

  it('give their place back when they fail', async () => {
    const builds = new Builds(new ManualClock());
    for (let attempt = 0; attempt < 5; attempt++) await expect(builds.run(10, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(builds.run(10, async () => 'built')).resolves.toBe('built');
  });
});
