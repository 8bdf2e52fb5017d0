import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { counted, over, text, used } from '../testing/flow-house.ts';
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

  it('believes what was counted on the way, and estimates only behind it', () => {
    const meter = new OutputMeter();
    meter.add(events(text('x'.repeat(40)), counted(43n, 6n)));
    expect([meter.tokens, meter.with(events(text('x'.repeat(12)))), meter.with(events(text('x'.repeat(12)), counted(43n, 7n)))]).toEqual([6, 9, 7]);
    expect(meter.usage(() => 100n).event.value).toMatchObject({ inputTokens: 43n, outputTokens: 6n, estimated: false });
    meter.add(events(text('y')));
    expect(meter.usage(() => 100n).event.value).toMatchObject({ inputTokens: 43n, outputTokens: 7n, estimated: true });
  });

  it('guesses nothing of text that comes with the count of all of it, unless that is itself an estimate', () => {
    const meter = new OutputMeter();
    meter.add(events(text('x'.repeat(40)), counted(43n, 6n)));
    const estimate: EventInit = { event: { case: 'usage', value: { inputTokens: 43n, outputTokens: 7n, estimated: true } } };
    expect([meter.with(events(text('x'.repeat(12)), over(), used(43n, 7n))), meter.with(events(text('x'.repeat(12)), over(), used(43n, 700n))), meter.with(events(text('x'.repeat(12)), over(), estimate))]).toEqual([7, 9, 9]);
  });

  it('gives an estimate for a usage where nothing was counted', () => {
    const meter = new OutputMeter();
    meter.add(events(text('x'.repeat(12))));
    expect(meter.usage(() => 100n).event.value).toMatchObject({ inputTokens: 100n, outputTokens: 3n, estimated: true });
  });

  it('takes the prompt for what a tokeniser counted until the backend says it, and guesses nothing as long as there is no output', () => {
    const meter = new OutputMeter();
    expect(meter.usage(() => 43n, true).event.value).toMatchObject({ inputTokens: 43n, outputTokens: 0n, estimated: false });
    meter.add(events(text('x'.repeat(12))));
    expect(meter.usage(() => 43n, true).event.value).toMatchObject({ inputTokens: 43n, outputTokens: 3n, estimated: true });
    meter.add(events(counted(44n, 5n)));
    expect(meter.usage(() => 43n, true).event.value).toMatchObject({ inputTokens: 44n, outputTokens: 5n, estimated: false });
  });

  it('foresees what it will count', () => {
    const piece = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }).map((value) => text(value)), fc.nat({ max: 50 }).map((tokens) => counted(3n, BigInt(tokens))));
    fc.assert(fc.property(fc.array(fc.array(piece, { maxLength: 5 }), { maxLength: 8 }), (batches) => {
      const meter = new OutputMeter();
      for (const batch of batches) {
        const given = events(...batch);
        const foreseen = meter.with(given);
        meter.add(given);
        expect(meter.tokens).toBe(foreseen);
      }
    }));
  });
});
