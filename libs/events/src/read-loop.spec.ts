import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { LogFields, Logger } from '@sluice/telemetry';
import { ReadLoop, type PassResult, type Reader } from './read-loop.ts';

const PACE_MS = 150;

/** A reader whose passes end as the test says; the times at which they began are kept. */
function scripted(results: (PassResult | Error)[]) {
  const clock = new ManualClock();
  const passes: number[] = [];
  const lines: LogFields[] = [];
  const loud: string[] = [];
  const logger: Logger = { debug: (fields) => { lines.push(fields); }, info: () => undefined, error: () => undefined, warn: (fields, message) => { lines.push(fields); loud.push(`${message} ${String(fields['code'] ?? '')}`.trim()); }, child: () => logger };
  const reader: Reader<number> = {
    name: 'scripted',
    pass: async () => {
      passes.push(clock.monotonicMs());
      const result = results.shift() ?? 'none';
      if (result instanceof Error) throw result;
      return result;
    },
    target: async () => 3,
    reached: async (target) => passes.length >= target,
    lag: () => 0,
  };
  const loop = new ReadLoop(reader, { clock, logger, paceMs: PACE_MS, onStop: () => undefined });
  /** Lets every promise that can go on do so, then moves the clock, in steps of 1 ms. */
  const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
  const advance = async (ms: number): Promise<void> => {
    await settle();
    for (let passed = 0; passed < ms; passed++) {
      clock.advance(1);
      await settle();
    }
  };
  return { loop, passes, lines, loud, advance };
}

describe('ReadLoop', () => {
  it('looks by itself once a second when nothing wakes it, and at once when something does', async () => {
    const { loop, passes, advance } = scripted([]);
    await advance(1_500);
    expect(passes).toEqual([0, 1_000]);
    loop.wake();
    await advance(10);
    expect(passes).toEqual([0, 1_000, 1_500]);
    await loop.stop();
  });

  it('takes what comes under load together, however often it is woken, and looks once more before it rests', async () => {
    const { loop, passes, advance } = scripted(['none', 'some', 'some', 'none']);
    await advance(1);
    loop.wake();
    for (let ms = 0; ms < 300; ms += 10) {
      loop.wake();
      await advance(10);
    }
    expect(passes).toEqual([0, 1, 151, 301]);
    await loop.stop();
  });

  it('does not pause while a batch is full', async () => {
    const { loop, passes, advance } = scripted(['full', 'full', 'full', 'none']);
    await advance(1);
    expect(passes).toEqual([0, 0, 0, 0]);
    await loop.stop();
  });

  it('waits longer after each failure, up to a bound, whatever wakes it, and starts anew after a success', async () => {
    const fault = new Error('quotes a prompt');
    const { loop, passes, lines, advance } = scripted([...Array.from({ length: 9 }, () => fault), 'none', fault]);
    const wake = setInterval(() => loop.wake(), 1);
    await advance(22_000);
    clearInterval(wake);
    const gaps = passes.slice(1, 10).map((atMs, index) => atMs - passes[index]!);
    expect(gaps).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(lines[10]).toMatchObject({ retryMs: 50 });
    expect(JSON.stringify(lines)).not.toContain('prompt');
    await loop.stop();
  });

  it('says once of each reason that reading fails, and once that it is over, each time', async () => {
    const [away, fault] = [new ServiceError('backend_unavailable', 'away'), new Error('quotes a prompt')];
    const { loop, loud, advance } = scripted([away, away, fault, away, fault, away, 'none', away, away, 'none']);
    await advance(10_000);
    const over = 'events are read again';
    expect(loud).toEqual(['reading events failed backend_unavailable', 'reading events failed internal', over, 'reading events failed backend_unavailable', over]);
    await loop.stop();
  });

  it('is a fault once it has not gone on for 5 s, with the newest reason, and none any more when it does', async () => {
    const away = new ServiceError('backend_unavailable', 'It is away.');
    const { loop, advance } = scripted([away, away, away, away, away, away, away, away, new Error('quotes a prompt'), 'none']);
    await advance(4_990);
    expect(loop.fault).toBeUndefined();
    await advance(20);
    expect(loop.fault).toBe('It is away.');
    await advance(6_400);
    expect(loop.fault).toBe('internal');
    await advance(5_100);
    expect(loop.fault).toBeUndefined();
    await loop.stop();
  });

  it('is no less a fault because another process is at the same work now and then', async () => {
    const away = new ServiceError('backend_unavailable', 'It is away.');
    const { loop, loud, advance } = scripted([away, 'elsewhere', away, 'elsewhere', away, 'elsewhere', away, 'elsewhere', 'elsewhere', 'none']);
    await advance(5_100);
    expect(loop.fault).toBe('It is away.');
    await advance(3_000);
    expect([loop.fault, loud]).toEqual([undefined, ['reading events failed backend_unavailable', 'events are read again']]);
    await loop.stop();
  });

  it('hurries for someone who waits, and tells them when it got there', async () => {
    const { loop, passes, advance } = scripted(['some', 'some', 'some']);
    await advance(1);
    const told = loop.caughtUp();
    await advance(PACE_MS + 5);
    await told;
    expect(passes).toEqual([0, 1, 1 + PACE_MS]);
    await loop.stop();
  });

  it('rejects those who wait when it is stopped, and runs nothing any more', async () => {
    const { loop, passes, advance } = scripted([new Error('x'), new Error('x')]);
    await advance(1);
    const told = loop.caughtUp().then(() => 'reached', (thrown: ServiceError) => thrown.code);
    await advance(1);
    await loop.stop();
    const count = passes.length;
    await advance(5_000);
    expect([await told, passes.length]).toEqual(['cancelled', count]);
    await expect(loop.caughtUp()).rejects.toThrow(ServiceError);
  });
});
