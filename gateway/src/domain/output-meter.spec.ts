import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { over, text, used } from '../testing/flow-house.ts';
import type { EventInit } from '../testing/house.ts';
import { OutputMeter } from './output-meter.ts';

const events = (...inits: EventInit[]): ChatEvent[] => inits.map((init) => create(ChatEventSchema, init));

describe('the meter of output', () => {
  it('counts by what is most: pieces, a token for four bytes of UTF-8, or what was reported', () => {
    const meter = new OutputMeter();
    meter.add(events(text('a'), text('b')));
    expect(meter.tokens).toBe(2);
    meter.add(events(text('你好你好')));
    expect(meter.tokens).toBe(4);
    meter.add(events({ event: { case: 'delta', value: { extraJson: Buffer.alloc(40) } } }));
    expect(meter.tokens).toBe(14);
    meter.add(events(over('stop', 1), used(1n, 20n)));
    expect([meter.tokens, meter.finishedChoices, meter.isFinished(1), meter.isFinished(0)]).toEqual([20, 1, true, false]);
  });

  it('foresees what it will count', () => {
    fc.assert(fc.property(fc.array(fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { maxLength: 5 }), { maxLength: 8 }), (batches) => {
      const meter = new OutputMeter();
      for (const batch of batches) {
        const given = events(...batch.map((piece) => text(piece)));
        const foreseen = meter.with(given);
        meter.add(given);
        expect(meter.tokens).toBe(foreseen);
      }
    }));
  });
});
