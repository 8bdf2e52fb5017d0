import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { costNano } from '@sluice/pricing';
import { answering, limited, PRICE, unlimited } from '../testing/budgeted-house.ts';
import { FlowHouse, over, started, text, used } from '../testing/flow-house.ts';
import { STEP_TOKENS } from './output-plan.ts';
import type { CallSummary } from './request-flow.ts';

describe('money for a call', () => {
  it('is set aside before the model is asked, is on record with its price, and what was not spent is told at the end', async () => {
    const house = limited(1_000_000);
    answering(house, 5);
    const call = house.call({ fields: [{ name: 'max_tokens', json: Buffer.from('100') }] });
    expect(((await house.run(call)) as CallSummary).error).toBeUndefined();
    expect(house.billing.holds).toMatchObject([{ callId: 'c'.repeat(32), organisationId: 'org_1', projectId: 'project_1', keyId: 'key_1', model: 'org/small', producer: 'gateway-1', epoch: 1n, outputTokens: 100n, outputTokensBound: 100n }]);
    expect(house.billing.holds[0]!.inputTokensBound).toBeGreaterThan(2n);
    const { admitted, completed } = house.recorded();
    expect(admitted).toMatchObject([{ hold: { hold: { limited: true, outputTokens: 100n }, price: { id: 'price_1', outputNano: 10n } } }]);
    expect(completed).toMatchObject([{ costNano: costNano(PRICE, completed[0]!.counts!), overrunNano: 0n, stoppedBy: '', hold: { outputTokens: 100n } }]);
    expect(completed[0]!.costNano).toBe(59n);
    expect(house.billing.settlements).toMatchObject([{ counts: completed[0]!.counts }]);
    await turns();
    expect([house.billing.ended, house.tickets, house.routed[0]!.asStream, house.billing.extensions.length]).toEqual([1, [8], true, 0]);
  });

  it.each([['day', 'this day'], ['month', 'this month']])('refuses a call that no budget of a %s affords, naming level and period', async (period, named) => {
    const house = new FlowHouse();
    house.billing.hold = () => ({ refusal: { level: 3, subjectId: 'key_1', period, amountNano: 10n ** 17n, spentNano: 10n ** 17n } });
    expect(await house.run()).toMatchObject({ code: 'insufficient_quota', httpStatus: 429, message: `The budget of this API key for ${named} does not cover this request.` });
    expect(house.recorded().refused).toMatchObject([{ errorCode: 'insufficient_quota', refusedBy: { case: 'budget', value: { level: 3, amountNano: 10n ** 17n } } }]);
    expect([house.routed.length, house.recorded().admitted.length, house.tickets]).toEqual([0, 0, [0]]);
  });

  it.each([
    ['throws', () => { throw new ServiceError('internal', 'broken'); }, 0],
    ['does not answer', () => new Promise(() => undefined), 2_250],
    ['grants without a hold', () => ({ price: PRICE }), 0],
  ])('refuses calls while billing %s', async (_name, hold, laterMs) => {
    const house = new FlowHouse();
    house.billing.hold = hold as never;
    const running = house.run();
    await turns();
    house.clock.advance(laterMs);
    expect(await running).toMatchObject({ code: 'billing_unavailable', httpStatus: 503 });
    expect([house.routed.length, house.recorded().refused.length, house.tickets]).toEqual([0, 1, [0]]);
  });

  it('is not asked for in an epoch that has ended meanwhile: the call is refused and may be tried again', async () => {
    const house = new FlowHouse();
    house.billing.hold = () => {
      house.epoch = 2n;
      return { hold: {}, price: {} };
    };
    expect(await house.run()).toMatchObject({ code: 'epoch_lost', httpStatus: 503 });
    expect([house.recorded().admitted.length, house.recorded().refused.length, house.routed.length]).toEqual([0, 1, 0]);
  });

  it('waits a moment for the next epoch between two', async () => {
    const house = new FlowHouse();
    house.epoch = undefined;
    house.before = () => queueMicrotask(() => (house.epoch = 2n));
    expect(await house.run()).toMatchObject({ error: undefined });
    expect(house.billing.holds).toMatchObject([{ epoch: 2n }]);
  });

  it('does not keep an answer waiting when the end is not told in time', async () => {
    const house = new FlowHouse();
    house.billing.settle = () => new Promise(() => undefined);
    const running = house.run();
    await turns();
    expect(house.recorded().completed).toHaveLength(1);
    house.clock.advance(500);
    expect(await running).toMatchObject({ error: undefined });
  });

  it('goes unsettled when the records of the call are lost', async () => {
    const house = limited(1_000_000);
    house.loses = new ServiceError('epoch_lost', 'lost');
    expect(await house.run()).toMatchObject({ code: 'epoch_lost' });
    await turns();
    expect([house.billing.settlements, house.billing.ended, house.tickets.length]).toEqual([[], 1, 1]);
  });

  it.each(['disconnected', 'failed'] as const)('is settled by what is on record when a call ends %s', async (how) => {
    const house = limited(1_000_000);
    house.answer = async function* () {
      yield [started()];
      yield [text('twelve bytes')];
      if (how === 'failed') throw new ServiceError('upstream_error', 'broke');
      house.abort.abort(new ServiceError('cancelled', 'left'));
      yield [text('never')];
    };
    await house.run();
    const [completed] = house.recorded().completed;
    expect(completed).toMatchObject({ outcome: how === 'failed' ? 3 : 2, counts: { estimated: true } });
    expect(house.billing.settlements).toMatchObject([{ counts: completed!.counts }]);
    expect(completed!.costNano).toBe(costNano(PRICE, completed!.counts!));
    expect(completed!.costNano).toBeGreaterThan(0n);
  });

  it('is not charged for a call that no backend has begun to answer', async () => {
    const house = limited(1_000_000);
    house.answer = async function* () {
      throw new ServiceError('backend_unavailable', 'away');
    };
    await house.run();
    expect(house.recorded().completed).toMatchObject([{ outcome: 3, costNano: 0n, counts: { inputTokens: 0n, outputTokens: 0n } }]);
    expect(house.billing.settlements).toMatchObject([{ counts: { inputTokens: 0n } }]);
  });
});

describe('a budget while an answer is produced', () => {
  it('is asked for more before what is set aside is used up, and each extension is on record with the output that it covers', async () => {
    const house = limited(1_000_000);
    answering(house, 600);
    await house.run();
    expect(house.billing.extensions.map(({ outputTokens }) => Number(outputTokens))).toEqual([2 * STEP_TOKENS, 3 * STEP_TOKENS]);
    const { output, completed } = house.recorded();
    let covered = BigInt(STEP_TOKENS);
    for (const record of output) {
      covered = record.hold?.outputTokens ?? covered;
      expect(record.outputBytes).toBeLessThanOrEqual(covered);
    }
    expect(output.filter(({ hold }) => hold).map(({ hold }) => Number(hold!.outputTokens))).toEqual([512, 768]);
    expect(completed).toMatchObject([{ hold: { outputTokens: 768n }, stoppedBy: '', overrunNano: 0n, finishReasons: ['stop'] }]);
    expect(house.releasedText()).toHaveLength(600);
  });

  it('is not asked for more by an answer that it does not limit', async () => {
    const house = new FlowHouse();
    answering(house, 600);
    await house.run();
    expect([house.billing.extensions.length, house.releasedText().length, house.routed[0]!.asStream]).toEqual([0, 600, false]);
  });

  it('is asked for more by an answer that costs something although nothing limits it, and ends it when one is set meanwhile', async () => {
    const house = unlimited();
    const extend = house.billing.extend;
    house.billing.extend = (asked) => (asked.outputTokens > 600n ? { amountNano: 5_000n, limited: true, outputTokens: 512n } : extend(asked));
    answering(house, 900);
    expect(await house.run()).toMatchObject({ error: undefined });
    expect(house.billing.extensions.map(({ outputTokens }) => Number(outputTokens))).toEqual([512, 768, 768]);
    expect([house.releasedText().length, house.finished(), house.cancelled]).toEqual([512, [{ reason: 'length', stoppedBy: 'budget' }], 1]);
    expect(house.recorded().completed).toMatchObject([{ stoppedBy: 'budget', hold: { limited: true, outputTokens: 512n } }]);
  });

  it.each([
    ['throws', () => { throw new ServiceError('billing_unavailable', 'away'); }],
    ['grants less', () => ({ outputTokens: 1n })],
  ])('does not end an answer that nothing limits when billing %s', async (_name, extend) => {
    const house = unlimited();
    house.billing.extend = extend;
    answering(house, 900);
    expect(await house.run()).toMatchObject({ error: undefined, outputTokens: 900 });
    expect([house.releasedText().length, house.recorded().completed[0]!.overrunNano]).toEqual([900, 0n]);
  });

  it.each([[true, 1], [false, 1], [true, 3], [false, 3]])('ends it exactly where the money ends, on record as answered; streamed: %s, choices: %s', async (stream, choices) => {
    const house = limited(300);
    answering(house, 900, choices);
    expect(await house.run(house.call({ stream, choices }))).toMatchObject({ error: undefined });
    const { completed } = house.recorded();
    const all = Array.from({ length: choices }, (_, choice) => house.releasedText(choice)).join('');
    expect([all.length, house.cancelled]).toEqual([300, 1]);
    expect(house.finished()).toEqual(Array.from({ length: choices }, () => ({ reason: 'length', stoppedBy: 'budget' })));
    expect(completed).toMatchObject([{ outcome: 1, stoppedBy: 'budget', overrunNano: 0n, counts: { outputTokens: 300n, estimated: true } }]);
    expect(completed[0]!.costNano).toBeLessThanOrEqual(completed[0]!.hold!.amountNano);
    expect(house.released.at(-1)!.event.case).toBe('usage');
  });

  it('leaves choices alone that were finished before the money ended', async () => {
    const house = limited(260);
    house.answer = async function* () {
      yield [started(), text('b', 1), over('stop', 1)];
      for (;;) yield [text('a')];
    };
    await house.run(house.call({ choices: 2 }));
    expect(house.finished()).toEqual([{ reason: 'stop', stoppedBy: '' }, { reason: 'length', stoppedBy: 'budget' }]);
    expect(house.recorded().completed).toMatchObject([{ stoppedBy: 'budget', finishReasons: ['length', 'stop'] }]);
  });

  it('lets what fits of a large piece of an answer out, and cuts an answer that comes at once', async () => {
    const house = limited(20);
    house.answer = async function* () {
      yield [started(), text('x'.repeat(40)), text('y'.repeat(40)), text('z'.repeat(40)), over(), used(3n, 30n)];
    };
    await house.run(house.call({ stream: false }));
    expect(house.releasedText()).toBe('x'.repeat(40) + 'y'.repeat(40));
    expect(house.finished()).toEqual([{ reason: 'length', stoppedBy: 'budget' }]);
  });

  it('asks once more at the very end, because money may have come back', async () => {
    const house = limited(256);
    answering(house, 300);
    let asked = 0;
    house.billing.extend = ({ outputTokens }) => ({ amountNano: 10n ** 6n, limited: true, outputTokens: ++asked === 1 ? 256n : outputTokens });
    await house.run();
    expect([asked, house.finished()]).toEqual([2, [{ reason: 'stop', stoppedBy: '' }]]);
  });

  it('clips how much is asked of the model, and says so where an answer ends by it', async () => {
    const house = limited(1_000_000);
    house.billing.hold = () => ({ hold: { amountNano: 10n ** 6n, limited: true, outputTokens: 90n }, price: PRICE, affordableOutputTokens: 90n });
    house.answer = async function* () {
      yield [started(), text('a'), text('b', 1)];
      yield [over('length'), over('stop', 1), used(3n, 2n)];
    };
    await house.run(house.call({ choices: 2, fields: [{ name: 'seed', json: Buffer.from('7') }, { name: 'max_completion_tokens', json: Buffer.from('4000') }] }));
    expect(house.routed[0]!.call.fields.map(({ name, json }) => [name, Buffer.from(json).toString()])).toEqual([['seed', '7'], ['max_completion_tokens', '45']]);
    expect(house.finished()).toEqual([{ reason: 'length', stoppedBy: 'budget' }, { reason: 'stop', stoppedBy: '' }]);
    expect(house.recorded().completed).toMatchObject([{ stoppedBy: 'budget', finishReasons: ['length', 'stop'] }]);
    expect(house.billing.extensions).toEqual([]);
  });

  it('does not blame the budget for a length that the client asked for', async () => {
    const house = limited(1_000_000);
    house.answer = async function* () {
      yield [started(), text('a'), over('length'), used(3n, 1n)];
    };
    await house.run(house.call({ fields: [{ name: 'max_tokens', json: Buffer.from('1') }] }));
    expect(house.finished()).toEqual([{ reason: 'length', stoppedBy: '' }]);
  });

  it('covers what an upstream reports beyond the hold as far as it can, and records the rest as overrun', async () => {
    const house = limited(256);
    house.answer = async function* () {
      yield [started(), text('a')];
      yield [over(), used(3n, 5_000n)];
    };
    await house.run();
    expect(house.billing.extensions).toMatchObject([{ counts: { outputTokens: 5_000n, inputTokens: 3n } }]);
    const [completed] = house.recorded().completed;
    expect(completed).toMatchObject({ costNano: 50_009n, stoppedBy: '' });
    expect(completed!.overrunNano).toBe(50_009n - completed!.hold!.amountNano);
  });

  it('believes a report up to what was asked for: a false one empties no budget, and stands as overrun', async () => {
    const house = limited(1_000);
    house.answer = async function* () {
      yield [started(), text('a')];
      yield [over(), used(1_000_000n, 1_000_000_000n)];
    };
    await house.run(house.call({ fields: [{ name: 'max_tokens', json: Buffer.from('300') }] }));
    const counts = house.billing.extensions.at(-1)!.counts!;
    expect(counts.outputTokens).toBe(300n);
    expect(counts.inputTokens).toBeLessThan(1_000n);
    const [completed] = house.recorded().completed;
    expect(completed!.overrunNano).toBe(completed!.costNano! - completed!.hold!.amountNano!);
    expect(completed!.overrunNano).toBeGreaterThan(0n);
  });

  it('looks for what an upstream reports beyond the hold wherever in a batch it stands', async () => {
    const house = limited(256);
    house.answer = async function* () {
      yield [started(), text('a')];
      yield [used(3n, 5_000n), over()];
    };
    await house.run();
    expect(house.billing.extensions).toMatchObject([{ counts: { outputTokens: 5_000n } }]);
  });

  it.each([[true, 'billing_unavailable'], [false, undefined]])('ends an answer when billing has forgotten its hold meanwhile, where a budget limits it: %s', async (isLimited, code) => {
    const house = isLimited ? limited(1_000_000) : unlimited();
    const broken = Promise.withResolvers<void>();
    house.billing.held = async () => {
      await broken.promise;
      throw new ServiceError('draining', 'restarts');
    };
    house.answer = async function* (_routed, signal) {
      yield [started(), text('a')];
      broken.resolve();
      await turns();
      if (!signal.aborted) yield [text('b'), over(), used(3n, 2n)];
    };
    const summary = (await house.run()) as CallSummary;
    expect([summary.error?.code, house.releasedText(), house.recorded().completed[0]!.outcome]).toEqual([code, isLimited ? 'a' : 'ab', isLimited ? 3 : 1]);
  });

  it('is told of its hold by the log before there is any output', async () => {
    const house = limited(1_000_000);
    let admitted = -1;
    house.answer = async function* () {
      await turns();
      admitted = house.recorded().admitted.length;
      yield [started(), text('a'), over(), used(3n, 1n)];
    };
    await house.run();
    expect(admitted).toBe(1);
  });

  it('ends an answer as failed when billing is away as more is needed', async () => {
    const house = limited(1_000_000);
    house.billing.extend = () => {
      throw new ServiceError('billing_unavailable', 'away');
    };
    answering(house, 600);
    expect(await house.run()).toMatchObject({ error: { code: 'billing_unavailable' } });
    expect(house.releasedText().length).toBeLessThanOrEqual(STEP_TOKENS);
    expect([house.recorded().completed[0]!.outcome, house.cancelled, house.billing.settlements.length]).toEqual([3, 1, 0]);
  });

  it('has the cost on record that the ledger will have, however wrong its backend counts', async () => {
    const house = new FlowHouse();
    const price = { id: 'price_1', model: 'm', currency: 'USD', inputNano: 0n, cachedInputNano: 0n, outputNano: 1_000_000n, reasoningNano: 0n };
    house.billing.hold = ({ outputTokens }) => ({ hold: { amountNano: 10n ** 15n, limited: false, outputTokens }, price });
    house.answer = async function* () {
      yield [started(), text('a')];
      yield [over(), used(3n, 9_007_199_254_740_991n)];
    };
    await house.run();
    expect(house.recorded().completed[0]!.costNano).toBe(10n ** 15n);
  });

  it('is cut before the filter sees it, so that nothing is held for ever', async () => {
    const house = limited(100);
    house.filter.input = () => ({ policyVersion: 1n, filtersOutput: true });
    let held = '';
    house.filter.output = ({ events, last }) => {
      held += events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join('');
      return { events: last ? [{ event: { case: 'delta', value: { text: held, channel: 1 } } }, ...events.filter(({ event }) => event.case !== 'delta')] : [] };
    };
    answering(house, 300);
    await house.run();
    expect([house.releasedText().length, house.finished()]).toEqual([100, [{ reason: 'length', stoppedBy: 'budget' }]]);
  });
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
