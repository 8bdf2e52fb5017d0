import { describe, expect, it } from '@jest/globals';
import type { Consumer, Kafka } from 'kafkajs';
import { ManualClock, type Timer } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { GroupReader } from './group-reader.ts';

const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** A clock that knows which of its timers wait. */
class CountedClock extends ManualClock {
  waiting = 0;

  override after(delayMs: number, run: () => void): Timer {
    this.waiting++;
    const over = (): void => { this.waiting--; };
    let isOver = false;
    const timer = super.after(delayMs, () => {
      isOver = true;
      over();
      run();
    });
    return { cancel: () => {
      if (!isOver) over();
      isOver = true;
      timer.cancel();
    } };
  }
}

/** A reader of the driver's own consumers, as far as it looks at them; the test says when one crashes, and why. */
function scripted() {
  const clock = new CountedClock();
  const asked: string[] = [];
  const listeners: Map<string, (event: unknown) => void>[] = [];
  const consumer = (): Consumer => {
    const number = listeners.length + 1;
    const heard = new Map<string, (event: unknown) => void>();
    listeners.push(heard);
    const note = (what: string) => () => void asked.push(`${what} ${number}`);
    return {
      events: { CRASH: 'crash', REBALANCING: 'rebalancing', GROUP_JOIN: 'join', FETCH: 'fetch', REQUEST_TIMEOUT: 'timeout' },
      on: (event: string, listener: (event: unknown) => void) => void heard.set(event, listener),
      connect: async () => undefined, subscribe: async () => undefined, run: async () => undefined, disconnect: async () => undefined, pause: note('pause'), resume: note('resume'),
    } as unknown as Consumer;
  };
  const house = { kafka: { groupRefusals: 0, open: () => ({ driver: { consumer } as unknown as Kafka, end: async () => void asked.push(`end ${listeners.length}`), renew: () => void asked.push(`renew ${listeners.length}`) }), isClosed: false, close: () => undefined }, prefix: '', clock, logger: silentLogger };
  const reader = new GroupReader(house, { name: 'scripted', groupId: 'g', topics: [], onAssigned: () => undefined, onBatch: async () => undefined });
  /** Of the newest consumer. */
  const hear = async (event: string, payload: unknown): Promise<void> => {
    listeners.at(-1)!.get(event)!({ payload });
    await settle();
  };
  return { clock, asked, reader, hear };
}

describe('a member of a group', () => {
  it('asks again for what rested, in its time', async () => {
    const { clock, asked, reader, hear } = scripted();
    await settle();
    await hear('join', { memberAssignment: {} });
    reader.rest('t', 0, 1_000);
    clock.advance(999);
    expect(asked).toEqual(['pause 1']);
    clock.advance(1);
    expect(asked).toEqual(['pause 1', 'resume 1']);
    await reader.stop();
  });

  it('leaves no timer and no connection behind when it is stopped, and asks nothing of what it was', async () => {
    const { clock, asked, reader } = scripted();
    await settle();
    reader.rest('t', 0, 5_000);
    expect(clock.waiting).toBe(1);
    await reader.stop();
    expect(clock.waiting).toBe(0);
    clock.advance(10_000);
    expect(asked).toEqual(['pause 1', 'end 1']);
  });

  it('makes its connections anew as soon as one request has had no answer', async () => {
    const { asked, reader, hear } = scripted();
    await settle();
    await hear('timeout', {});
    expect(asked).toEqual(['renew 1']);
    await reader.stop();
  });

  it('asks nothing of a consumer that was given up while it rested', async () => {
    const { clock, asked, reader, hear } = scripted();
    await settle();
    await hear('join', { memberAssignment: {} });
    reader.rest('t', 0, 60_000);
    await hear('crash', { error: new Error('gone') });
    expect(clock.waiting).toBe(1);
    clock.advance(100);
    await settle();
    reader.rest('t', 1, 500);
    clock.advance(120_000);
    expect(asked).toEqual(['pause 1', 'end 1', 'pause 2', 'resume 2']);
    await reader.stop();
  });
});
