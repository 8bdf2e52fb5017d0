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

  it('let wait in vain nobody who has a deadline: neither for a turn, nor for work that cannot end until then', async () => {
    const clock = new ManualClock();
    const builds = new Builds(clock);
    const gates = Array.from({ length: 2 }, () => Promise.withResolvers<string>());
    const running = gates.map(({ promise }) => builds.run(100, () => promise));
    const begun: string[] = [];
    const work = (name: string) => (signal: AbortSignal): Promise<string> => (begun.push(name), new Promise((resolve) => signal.addEventListener('abort', () => resolve(name))));
    const busy = expect.objectContaining({ code: 'overloaded', retryAfterSeconds: 15 });
    const [soon, cut, patient] = [builds.run(100, work('soon'), 50), builds.run(100, work('cut'), 120), builds.run(100, work('patient'), 300)];
    for (const refused of [soon, cut]) refused.catch(() => undefined);
    const behind = builds.run(100, async () => 'behind');
    clock.advance(50);
    await expect(soon).rejects.toEqual(busy);
    gates[0]!.resolve('first');
    gates[1]!.resolve('second');
    await expect(Promise.all(running)).resolves.toEqual(['first', 'second']);
    await settle();
    expect(begun).toEqual(['cut', 'patient']);
    clock.advance(69);
    await settle();
    clock.advance(1);
    await expect(cut).rejects.toEqual(busy);
    await expect(behind).resolves.toBe('behind');
    clock.advance(30);
    // It had its whole time.
    await expect(patient).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await expect(builds.run(100, async () => 'free', clock.monotonicMs() + 200)).resolves.toBe('free');
  });

  it('are told to be too long, not to come again, when no others kept them from their time', async () => {
    const clock = new ManualClock();
    const builds = new Builds(clock);
    const alone = builds.run(100, () => new Promise(() => undefined), 60);
    alone.catch(() => undefined);
    clock.advance(60);
    await expect(alone).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });

  it('do not begin when their time is over, and give their place back', async () => {
    const clock = new ManualClock();
    const builds = new Builds(clock);
    let begun = 0;
    const work = async (): Promise<number> => ++begun;
    clock.advance(10);
    for (const untilMs of [5, 10, 10]) await expect(builds.run(100, work, untilMs)).rejects.toMatchObject({ code: 'overloaded' });
    expect(begun).toBe(0);
    await expect(builds.run(100, work, 11)).resolves.toBe(1);
  });

  it('let eight wait that have a deadline, any number of others, and say so at once to the next', async () => {
    const clock = new ManualClock();
    const builds = new Builds(clock);
    const gates = Array.from({ length: 2 }, () => Promise.withResolvers<string>());
    const running = gates.map(({ promise }) => builds.run(1_000, () => promise));
    const others = Array.from({ length: 20 }, () => builds.run(1_000, async () => 'other'));
    const hurried = Array.from({ length: 8 }, () => builds.run(1_000, async () => 'hurried', 5_000));
    await expect(builds.run(1_000, async () => 'never', 5_000)).rejects.toMatchObject({ code: 'overloaded' });
    for (const { resolve } of gates) resolve('done');
    await Promise.all(running);
    expect(new Set(await Promise.all([...others, ...hurried]))).toEqual(new Set(['other', 'hurried']));
    await expect(builds.run(1_000, async () => 'free', 5_000)).resolves.toBe('free');
  });

  it('give their place back when they fail', async () => {
    const builds = new Builds(new ManualClock());
    for (let attempt = 0; attempt < 5; attempt++) await expect(builds.run(10, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(builds.run(10, async () => 'built')).resolves.toBe('built');
  });
});
