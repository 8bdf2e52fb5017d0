import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { counted, FlowHouse, over, started, text, used } from '../testing/flow-house.ts';

const PRICE = { id: 'price_1', model: 'org/small', currency: 'USD', inputNano: 3n, cachedInputNano: 1n, outputNano: 10n, reasoningNano: 10n };

/** A house in which a budget limits calls to so much output over all choices. */
function limited(affordable: bigint): FlowHouse {
  const house = new FlowHouse();
  const hold = (tokens: bigint) => ({ amountNano: 10_000n + tokens * 10n, limited: true, outputTokens: tokens < affordable ? tokens : affordable });
  house.billing.hold = ({ outputTokens }) => ({ hold: hold(outputTokens), price: PRICE, affordableOutputTokens: 1_000_000n });
  house.billing.extend = ({ outputTokens }) => hold(outputTokens);
  return house;
}

/** Two tokens to a piece of twenty bytes, counted with each; the estimate would be five. */
function counting(house: FlowHouse, pieces: number, last: () => void = () => undefined): void {
  house.answer = async function* () {
    yield [started()];
    for (let piece = 1; piece <= pieces; piece++) yield [text('x'.repeat(20)), counted(43n, BigInt(2 * piece))];
    last();
    yield [over(), used(43n, BigInt(2 * pieces + 1))];
  };
}

describe('a call whose backend counts on the way', () => {
  it.each([true, false])('is cut where the money for its tokens ends, and is billed by them; streamed: %s', async (stream) => {
    const house = limited(300n);
    counting(house, 900);
    expect(await house.run(house.call({ stream }))).toMatchObject({ error: undefined, inputTokens: 43, outputTokens: 300 });
    expect([house.releasedText().length, house.recordedText().length, house.finished()]).toEqual([3_000, 3_000, [{ reason: 'length', stoppedBy: 'budget' }]]);
    const { completed } = house.recorded();
    expect(completed).toMatchObject([{ stoppedBy: 'budget', costNano: 3n * 43n + 10n * 300n, overrunNano: 0n, counts: { inputTokens: 43n, outputTokens: 300n, estimated: false } }]);
    expect(house.billing.settlements).toMatchObject([{ counts: completed[0]!.counts }]);
    expect(house.released.at(-1)!.event).toMatchObject({ case: 'usage', value: { outputTokens: 300n, estimated: false } });
  });

  it('gives nothing of a piece that is not covered as a whole, and does not bill it', async () => {
    const house = limited(5n);
    counting(house, 900);
    await house.run();
    expect(house.releasedText()).toHaveLength(40);
    expect(house.recorded().completed).toMatchObject([{ counts: { inputTokens: 43n, outputTokens: 4n, estimated: false } }]);
  });

  it.each([true, false])('gets as output what was set aside for more prompt than its backend has counted, and no more; it counts: %s', async (counts) => {
    const house = new FlowHouse();
    // 78 tokens of prompt at most by its bytes, and 3,000 of output: 35 of the prompt are not there and pay for 10 more.
    const roomNano = 78n * 3n + 3_000n * 10n;
    let inputNano = 0n;
    const hold = (tokens: bigint) => {
      const affordable = (roomNano - inputNano) / 10n;
      return { amountNano: roomNano, limited: true, outputTokens: tokens < affordable ? tokens : affordable };
    };
    house.billing.hold = ({ inputTokensBound, outputTokens }) => {
      inputNano = 3n * inputTokensBound;
      return { hold: hold(outputTokens), price: PRICE, affordableOutputTokens: 3_000n };
    };
    house.billing.extend = ({ outputTokens, inputTokens }) => {
      if (inputTokens > 0n) inputNano = 3n * inputTokens;
      return hold(outputTokens);
    };
    if (counts) counting(house, 9_000);
    else house.answer = async function* () {
      yield [started()];
      for (;;) yield [text('xxxx')];
    };
    await house.run();
    const outputTokens = counts ? 3_010n : 3_000n;
    expect(house.recorded().completed).toMatchObject([{ stoppedBy: 'budget', overrunNano: 0n, counts: { outputTokens, estimated: !counts } }]);
    expect(house.recorded().completed[0]!.costNano).toBeLessThanOrEqual(roomNano);
    expect(house.billing.extensions.at(-1)).toMatchObject({ inputTokens: counts ? 43n : 0n });
  });

  it('leaves whole when its last text comes with the count of all, however much the text alone would look like', async () => {
    const house = limited(5n);
    house.answer = async function* () {
      yield [started()];
      yield [text('x'.repeat(20)), counted(43n, 3n)];
      yield [text('y'.repeat(40)), over('length'), used(43n, 5n)];
    };
    await house.run();
    expect(house.releasedText()).toBe('x'.repeat(20) + 'y'.repeat(40));
    expect(house.recorded().completed).toMatchObject([{ overrunNano: 0n, counts: { inputTokens: 43n, outputTokens: 5n, estimated: false } }]);
  });

  it('has its prompt covered again when the backend counts more of it at the end than on the way', async () => {
    const house = limited(1_000_000n);
    house.answer = async function* () {
      yield [started()];
      for (let piece = 1; piece <= 150; piece++) yield [text('x'.repeat(20)), counted(1n, BigInt(2 * piece))];
      yield [over(), used(40n, 300n)];
    };
    await house.run();
    expect(house.billing.extensions.at(-2)).toMatchObject({ inputTokens: 1n });
    expect(house.billing.extensions.at(-1)).toMatchObject({ counts: { inputTokens: 40n, outputTokens: 300n } });
  });

  // The piece that has come and is not on record yet when the client leaves is dropped there, and was produced.
  it.each([['cancelled', 2, 12], ['upstream_error', 3, 14]] as const)('is billed by the tokens of what was produced when it ends with %s', async (code, outcome, recorded) => {
    const house = limited(1_000_000n);
    counting(house, 7, () => {
      if (code === 'upstream_error') throw new ServiceError(code, 'broke');
      house.abort.abort(new ServiceError(code, 'left'));
    });
    await house.run();
    const { completed } = house.recorded();
    expect(completed).toMatchObject([{ outcome, costNano: 3n * 43n + 10n * 14n, counts: { inputTokens: 43n, outputTokens: 14n, estimated: false } }]);
    expect([house.recordedText().length, house.tickets]).toEqual([10 * recorded, [43 + 14]]);
  });

  it('is billed by what was produced of a whole answer that its client did not wait for, although nothing of it is on record', async () => {
    const house = limited(1_000_000n);
    counting(house, 7, () => house.abort.abort(new ServiceError('cancelled', 'left')));
    await house.run(house.call({ stream: false }));
    expect(house.recorded().completed).toMatchObject([{ outcome: 2, httpStatus: 499, counts: { inputTokens: 43n, outputTokens: 14n, estimated: false } }]);
    expect(house.recordedText()).toBe('');
  });

  it.each(['upstream_error', 'deadline_exceeded'] as const)('is billed by its prompt alone when a whole answer breaks off for which its client waited: %s', async (code) => {
    const house = limited(1_000_000n);
    counting(house, 7, () => { throw new ServiceError(code, 'broke'); });
    await house.run(house.call({ stream: false }));
    expect(house.recorded().completed).toMatchObject([{ outcome: 3, counts: { inputTokens: 43n, outputTokens: 0n, estimated: false } }]);
  });

  it('has exact counts in every record of output, and none among the output', async () => {
    const house = limited(1_000_000n);
    counting(house, 5);
    await house.run();
    const { output, completed } = house.recorded();
    const texts = output.filter(({ outputBytes, counts }) => outputBytes > 0n && counts!.estimated === false);
    expect(texts).toHaveLength(output.filter(({ outputBytes }) => outputBytes > 0n).length);
    for (const record of texts.slice(0, -1)) expect(record.counts).toMatchObject({ inputTokens: 43n, outputTokens: record.outputBytes / 10n });
    expect(new Set(house.recordedKinds())).toEqual(new Set(['started', 'delta', 'finished', 'usage']));
    expect(Number(output.at(-1)!.events)).toBe(house.recordedKinds().length);
    expect(completed).toMatchObject([{ counts: { outputTokens: 11n, estimated: false } }]);
  });

  it('is billed by all that was produced when the filter ends it', async () => {
    const house = limited(1_000_000n);
    house.filter.input = () => ({ policyVersion: 1n, filtersOutput: true });
    let seen = 0;
    house.filter.output = ({ events }) => {
      const stop = ++seen === 3;
      return { events: stop ? [...events.filter(({ event }) => event.case === 'counts'), over('content_filter')] : [...events], stop };
    };
    counting(house, 9);
    await house.run();
    expect(house.releasedText()).toHaveLength(40);
    expect(house.recorded().completed).toMatchObject([{ finishReasons: ['content_filter'], counts: { inputTokens: 43n, outputTokens: 6n, estimated: false } }]);
  });
});
