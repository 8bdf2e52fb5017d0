import { describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import type { EventLog } from '@sluice/events';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import type { Logger } from '@sluice/telemetry';
import { SignOfLife } from './sign-of-life.ts';

function setUp() {
  const clock = new ManualClock();
  const beat = jest.fn<EventLog['beat']>().mockResolvedValue(undefined);
  const logger = { info: jest.fn<Logger['info']>(), warn: jest.fn<Logger['warn']>() };
  const life = new SignOfLife({ clock, events: { beat }, logger: logger as unknown as Logger }, AccessChangedSchema);
  /** Lets time pass and what it started come to its end. */
  const pass = async (periods: number) => {
    for (let period = 0; period < periods; period++) {
      clock.advance(250);
      await new Promise(setImmediate);
    }
  };
  return { beat, clock, life, logger, pass };
}

describe('SignOfLife', () => {
  it('gives four beats a second on the topic', async () => {
    const { beat, life, pass } = setUp();
    await pass(8);
    expect(beat).toHaveBeenCalledTimes(8);
    expect(beat).toHaveBeenCalledWith(AccessChangedSchema);
    expect(life.health()).toEqual({ status: 'ok' });
  });

  it('becomes degraded while the log takes no beat, says so once, and recovers', async () => {
    const { beat, life, logger, pass } = setUp();
    beat.mockRejectedValue(new Error('away'));
    await pass(4);
    expect(life.health()).toEqual({ status: 'ok' });
    await pass(4);
    expect(life.health()).toEqual({ status: 'degraded', detail: 'the event log took no beat for 2000 ms' });
    expect(logger.warn.mock.calls.map(([, text]) => text)).toEqual(['The event log takes no beat of access.changed; replicas grow old.']);
    beat.mockResolvedValue(undefined);
    await pass(1);
    expect(life.health()).toEqual({ status: 'ok' });
    expect(logger.info).toHaveBeenCalledTimes(1);
  });

  it('never has two beats under way, and waits for the last one when it stops, but not for a log that does not answer', async () => {
    const { beat, life, pass } = setUp();
    let finish = (): void => undefined;
    beat.mockReturnValue(new Promise<void>((resolve) => (finish = resolve)));
    await pass(5);
    expect(beat).toHaveBeenCalledTimes(1);
    let stopped = false;
    const stopping = life.stop().then(() => (stopped = true));
    await pass(3);
    expect(stopped).toBe(false);
    finish();
    await stopping;
    const silent = setUp();
    silent.beat.mockReturnValue(new Promise(() => undefined));
    await silent.pass(1);
    const leaving = silent.life.stop();
    await silent.pass(4);
    await leaving;
    await pass(5);
    expect(beat).toHaveBeenCalledTimes(1);
  });
});
