import { describe, expect, it } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RecordedCall } from './testing/recorded-call.ts';
import { startedWriter } from './testing/started-writer.ts';

describe('the place of calls', () => {
  it('is the epoch that a call opened in this turn is recorded in, and the next one only when that call heard that it is lost', async () => {
    const { log, writer, write, answer } = await startedWriter();
    expect(writer.place).toEqual({ producer: 'gateway-1', epoch: 1n });
    const call = await write(new RecordedCall('a'));
    log.closeCurrent();
    await answer('acknowledged');
    expect(call.news).toEqual(['lost']);
    await writer.placed();
    expect(writer.place).toEqual({ producer: 'gateway-1', epoch: 2n });
  });

  it('is not known while no epoch is held', async () => {
    const { log, writer, write, answer, after } = await startedWriter();
    await write(new RecordedCall('a'));
    log.reach = 'down';
    log.closeCurrent();
    await answer('acknowledged');
    expect(writer.place).toBeUndefined();
    let isPlaced = false;
    void writer.placed().then(() => (isPlaced = true));
    await nextTurn();
    expect(isPlaced).toBe(false);
    log.reach = 'up';
    await after(2_000);
    expect([isPlaced, writer.place]).toEqual([true, { producer: 'gateway-1', epoch: 2n }]);
  });

  it('is none any more when the writer has stopped', async () => {
    const { writer } = await startedWriter();
    await writer.stop();
    await writer.placed();
    expect(writer.place).toBeUndefined();
  });
});
