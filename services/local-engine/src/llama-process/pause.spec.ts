import { describe, expect, it } from '@jest/globals';
import { Pause } from './pause.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('Pause', () => {
  it('lets answers pass, but not while any task has the context for itself', async () => {
    const pause = new Pause();
    await pause.pass();
    const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const tasks = [first, second].map(({ promise }) => pause.during(() => promise));
    let hasPassed = false;
    const passing = pause.pass().then(() => (hasPassed = true));
    first.resolve('one');
    expect(await tasks[0]).toBe('one');
    await settle();
    expect(hasPassed).toBe(false);
    second.resolve('two');
    await passing;
    expect(await tasks[1]).toBe('two');
  });

  it('is over when the task fails, and begins anew with the next', async () => {
    const pause = new Pause();
    await expect(pause.during(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await pause.pass();
    const next = Promise.withResolvers<void>();
    const task = pause.during(() => next.promise);
    let hasPassed = false;
    const passing = pause.pass().then(() => (hasPassed = true));
    await settle();
    expect(hasPassed).toBe(false);
    next.resolve();
    await Promise.all([task, passing]);
  });
});
