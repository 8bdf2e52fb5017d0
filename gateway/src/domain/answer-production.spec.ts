import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { FlowHouse, over, started, text, used } from '../testing/flow-house.ts';

/** The kinds of released events, and how many records of output there are. */
async function produced(house: FlowHouse, stream: boolean): Promise<string[]> {
  await house.run(house.call({ stream }));
  return house.released.map(({ event }) => String(event.case));
}

describe('the production of an answer', () => {
  it('keeps a whole answer together, also where its count comes behind it, and a stream as it comes', async () => {
    const answer = async function* () {
      yield [started()];
      yield [text('a')];
      yield [over()];
      yield [used(1n, 1n)];
    };
    for (const [stream, outputs] of [[false, 1], [true, 3]] as const) {
      const house = new FlowHouse();
      house.answer = answer;
      expect(await produced(house, stream)).toEqual(['started', 'delta', 'finished', 'usage']);
      expect(house.recorded().output).toHaveLength(outputs);
    }
  });

  it('learns from a whole answer that broke off what it took, and releases nothing of it', async () => {
    const house = new FlowHouse();
    house.answer = async function* () {
      yield [started(), text('a'), used(7n, 9n)];
      throw new ServiceError('upstream_error', 'broke');
    };
    expect(await produced(house, false)).toEqual([]);
    expect(house.recorded().completed).toMatchObject([{ outcome: 3, outputBytes: 0n, counts: { inputTokens: 7n, outputTokens: 9n } }]);
  });

  it('asks a backend nothing when its client left while the call was judged, and has that on record', async () => {
    const house = new FlowHouse();
    house.billing.hold = () => {
      house.abort.abort(new ServiceError('cancelled', 'left'));
      return { hold: {}, price: {} };
    };
    await house.run();
    expect(house.routed).toEqual([]);
    expect(house.recorded().completed).toMatchObject([{ outcome: 2, httpStatus: 499, costNano: 0n }]);
  });

  it('says when the first text left, not when it was produced', async () => {
    const house = new FlowHouse();
    house.filter.input = () => ({ policyVersion: 1n, filtersOutput: true });
    let held: unknown[] = [];
    house.filter.output = ({ events, last }) => {
      held.push(...events);
      const free = last ? held : [];
      if (last) held = [];
      return { events: free as never };
    };
    house.answer = async function* () {
      yield [started(), text('a')];
      house.clock.advance(40);
      yield [over(), used(1n, 1n)];
    };
    await house.run();
    expect(house.recorded().completed[0]!.firstOutputMs).toBe(40);
  });
});
