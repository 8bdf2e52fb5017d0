import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { started, text, used } from '../testing/flow-house.ts';
import { FilteredOutput } from './filtered-output.ts';
import { GovernedOutput } from './governed-output.ts';

const CALL = { model: 'm', messages: Buffer.from('["12345678"]'), fields: [], stream: true, choices: 1 };
const batch = (...inits: ReturnType<typeof text>[]) => inits.map((init) => create(ChatEventSchema, init));

function governed(stop = false, free: ChatEvent[] = []) {
  const pushed: number[] = [];
  const filtered = new FilteredOutput({
    input: () => Promise.reject(new Error('not asked')),
    output: async (events) => {
      pushed.push(events.length);
      return { $typeName: 'content_filter.v1.FilteredOutput', events: free, hits: [], hitCount: 0, stop };
    },
    end: () => undefined,
  }, 1n);
  return { pushed, output: new GovernedOutput(CALL, undefined, filtered) };
}

describe('output on its way', () => {
  it('waits for nothing where a prompt goes and who answers is told', () => {
    const { pushed, output } = governed();
    const attempt = batch({ event: { case: 'attempt', value: { external: true } } });
    expect(output.pass(attempt)).toBe(attempt);
    expect(output.pass(batch(started()))).not.toBeInstanceOf(Promise);
    expect(pushed).toEqual([]);
  });

  it('tells what goes into the filter before it does, once that is wanted', async () => {
    const { pushed, output } = governed();
    const told: [number, number][] = [];
    await output.pass(batch(text('a')));
    output.onOriginal((given) => void told.push([given.length, pushed.length]));
    await output.pass(batch(text('b'), text('c')));
    expect(told).toEqual([[2, 1]]);
  });

  it('ends with what was held, asked for once', async () => {
    const { pushed, output } = governed();
    expect(await output.pass(batch(text('a'), text('b')))).toEqual([]);
    expect(await output.rest()).toEqual([]);
    expect(pushed).toEqual([2, 0]);
  });

  it('ends with a count of what was produced where the filter stopped the model', async () => {
    const { pushed, output } = governed(true);
    await output.pass(batch(text('a'), text('b'), text('c')));
    expect(output.isOver).toBe(true);
    expect(await output.rest()).toMatchObject([{ event: { case: 'usage', value: { inputTokens: 2n, outputTokens: 3n, estimated: true } } }]);
    expect(pushed).toEqual([3]);
  });

  it('ends without another count where the filter freed one before it stopped the model', async () => {
    const { output } = governed(true, batch(used(2n, 9n)));
    expect(await output.pass(batch(text('a'), used(2n, 9n)))).toMatchObject([{ event: { case: 'usage' } }]);
    expect(await output.rest()).toEqual([]);
  });

  it('passes at once where nothing looks at it', async () => {
    const output = new GovernedOutput(CALL, undefined, undefined);
    const events = batch(text('a'));
    expect(output.pass(events)).toBe(events);
    expect([await output.rest(), output.isOver]).toEqual([[], false]);
  });
});
