import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ManualClock } from '@sluice/clock';
import { dataKey } from '@sluice/envelope';
import { silentLogger } from '@sluice/telemetry';
import type { SealingKeys } from '../record.ts';
import { SegmentWriter } from '../writer.ts';
import type { RecordedCall } from './recorded-call.ts';
import { ScriptedLog, type AppendFate } from './scripted-log.ts';

export const sealing = { id: 'k', key: dataKey(randomBytes(32)) };

/** A writer that holds its first epoch on a scripted log, and how a spec moves it on. */
export async function startedWriter(sealingKeys: SealingKeys = () => sealing) {
  const clock = new ManualClock();
  const log = new ScriptedLog(clock);
  const writer = new SegmentWriter({ events: log.events, clock, logger: silentLogger, producer: 'gateway-1', sealingKeys });
  await writer.start();
  const after = async (ms: number) => {
    // In small steps, as a running process sees time.
    for (let past = 0; past < ms; past += 250) {
      clock.advance(Math.min(250, ms - past));
      await nextTurn();
    }
  };
  const write = async (call: RecordedCall, count = 1) => {
    writer.open(call);
    writer.enqueue(call.write(count));
    await nextTurn();
    return call;
  };
  const answer = async (fate: AppendFate) => {
    log.answer(fate);
    await nextTurn();
  };
  return { clock, log, writer, after, write, answer };
}
