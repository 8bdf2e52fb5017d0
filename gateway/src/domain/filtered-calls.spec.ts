import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { commitmentHash, encodeCall } from '@sluice/segment';
import { FlowHouse, over, started, text, used } from '../testing/flow-house.ts';
import { plainCall } from './call.ts';
import type { CallSummary } from './request-flow.ts';

const HIT = { ruleId: 'rule_1', kind: 'word', action: 1, direction: 1, channel: 1, index: 0, start: 3n, end: 7n, textHash: Buffer.alloc(32, 9) };
const FILTERS_OUTPUT = { policyVersion: 7n, filtersOutput: true };

describe('what goes into a model', () => {
  it('is asked of the filter as it is, and goes on when nothing is found; then the filter is let go', async () => {
    const house = new FlowHouse();
    const summary = (await house.run()) as CallSummary;
    expect(summary.error).toBeUndefined();
    expect(house.filter.inputs).toMatchObject([{ callId: 'c'.repeat(32), organisationId: 'org_1', projectId: 'project_1', call: { model: 'chat' } }]);
    expect([house.filter.outputs.length, house.filter.ended, house.releasedText()]).toEqual([0, 1, 'Hello']);
    const { admitted, completed } = house.recorded();
    expect(admitted).toMatchObject([{ modelName: 'org/small' }]);
    expect([admitted[0]!.inputVerdict, completed[0]!.outputVerdict]).toEqual([undefined, undefined]);
  });

  it('is refused when a rule blocks it: by the title of the rule, without asking for money or the model, and on record once', async () => {
    const house = new FlowHouse();
    house.filter.input = ({ call }) => ({ action: 1, policyVersion: 7n, ruleId: 'rule_1', ruleTitle: 'House secrets', hits: [HIT], hitCount: 1, call: { ...call!, messages: Buffer.from('[{"role":"user","content":"bluebird *@*"}]') } });
    const call = house.call({ messages: Buffer.from('[{"role":"user","content":"bluebird j@x.org"}]') });
    const error = await house.run(call);
    expect(error).toMatchObject({ code: 'content_policy_violation', httpStatus: 400, param: 'messages', message: expect.stringContaining('House secrets') });
    expect((error as ServiceError).message).not.toContain('bluebird');
    expect([house.billing.holds.length, house.routed.length, house.tickets]).toEqual([0, 0, [0]]);
    const { refused, admitted } = house.recorded();
    expect(admitted).toEqual([]);
    expect(refused).toMatchObject([{ errorCode: 'content_policy_violation', refusedBy: { case: 'rule', value: { ruleId: 'rule_1', ruleTitle: 'House secrets', policyVersion: 7n } }, inputVerdict: { action: 1, hitCount: 1, hits: [{ start: 3n, end: 7n }] } }]);
    expect(JSON.stringify(refused, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toContain('bluebird');
    expect(kept(house)).toBe('[{"role":"user","content":"bluebird *@*"}]');
  });

  it('keeps nothing of a blocked prompt that the filter did not give back', async () => {
    const house = new FlowHouse();
    house.filter.input = () => ({ action: 1, policyVersion: 7n, ruleId: 'rule_1', ruleTitle: 'House secrets' });
    expect(await house.run()).toMatchObject({ code: 'content_policy_violation' });
    expect(kept(house)).toBeUndefined();
  });

  it.each([
    ['the filter is away', (house: FlowHouse) => (house.filter.input = () => { throw new ServiceError('internal', 'x'); })],
    ['a limit is reached', (house: FlowHouse) => (house.before = () => { throw new ServiceError('rate_limit_exceeded', 'x'); })],
  ])('is committed to and not kept when it is refused before the verdict of the filter: %s', async (_when, happens) => {
    const house = new FlowHouse();
    happens(house);
    const call = house.call({ messages: Buffer.from('[{"role":"user","content":"jane.doe@example.com"}]'), fields: [{ name: 'user', json: Buffer.from('"jane"') }] });
    expect(await house.run(call)).toBeInstanceOf(ServiceError);
    expect(JSON.stringify(house.records, (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString() : typeof value === 'bigint' ? String(value) : value))).not.toContain('jane');
    const end = house.ending();
    const committed = commitmentHash(end.promptSalt, encodeCall(plainCall(call)));
    expect(Buffer.from(end.openings.find(({ name }) => name === 'prompt')!.value)).toEqual(Buffer.from(committed));
  });

  it('is kept as it is when no rule found anything in it and no money is there for it', async () => {
    const house = new FlowHouse();
    house.billing.hold = () => ({ refusal: { level: 2, subjectId: 'project_1', period: 'day' } });
    await house.run();
    expect(kept(house)).toBe('[{"role":"user","content":"hi"}]');
  });

  it('is masked for the model and for the record', async () => {
    const house = new FlowHouse();
    house.filter.input = ({ call }) => ({ action: 2, policyVersion: 7n, hits: [{ ...HIT, action: 2 }], hitCount: 1, call: { ...call!, messages: Buffer.from('[{"role":"user","content":"****"}]'), fields: [] } });
    await house.run(house.call({ messages: Buffer.from('[{"role":"user","content":"bluebird"}]'), fields: [{ name: 'user', json: Buffer.from('"bluebird"') }] }));
    expect(Buffer.from(house.routed[0]!.call.messages).toString()).toContain('****');
    expect(house.routed[0]!.call).toMatchObject({ fields: [], stream: true, choices: 1 });
    const kept = (house.records[0]!.body as unknown as { value: { call: { messages: Uint8Array } } }).value.call;
    expect(Buffer.from(kept.messages).toString()).toContain('****');
    expect(house.recorded().admitted).toMatchObject([{ inputVerdict: { action: 2, policyVersion: 7n, hitCount: 1 } }]);
  });

  it('is kept masked also when it is refused for want of money afterwards', async () => {
    const house = new FlowHouse();
    house.filter.input = ({ call }) => ({ action: 2, policyVersion: 7n, call: { ...call!, messages: Buffer.from('[{"role":"user","content":"****"}]') } });
    house.billing.hold = () => ({ refusal: { level: 2, subjectId: 'project_1', period: 'day', amountNano: 5n } });
    const error = await house.run(house.call({ messages: Buffer.from('[{"role":"user","content":"bluebird"}]') }));
    expect(error).toMatchObject({ code: 'insufficient_quota', httpStatus: 429, message: 'The budget of this project for this day does not cover this request.' });
    expect(house.recorded().refused).toMatchObject([{ refusedBy: { case: 'budget', value: { subjectId: 'project_1' } }, inputVerdict: { action: 2 } }]);
    expect(Buffer.from((house.records[0]!.body as unknown as { value: { call: { messages: Uint8Array } } }).value.call.messages).toString()).toContain('****');
  });

  it.each([
    ['throws', () => { throw new ServiceError('internal', 'broken'); }],
    ['throws something foreign', () => { throw new TypeError('x is not a function'); }],
  ])('does not pass a filter that %s', async (_name, input) => {
    const house = new FlowHouse();
    house.filter.input = input as never;
    expect(await house.run()).toMatchObject({ code: 'content_filter_unavailable', httpStatus: 503 });
    expect([house.routed.length, house.recorded().refused.length, house.tickets]).toEqual([0, 1, [0]]);
  });

  it('does not pass a filter that is too slow', async () => {
    const house = new FlowHouse();
    house.filter.input = () => new Promise(() => undefined);
    const running = house.run();
    await turns();
    house.clock.advance(10_250);
    expect(await running).toMatchObject({ code: 'content_filter_unavailable' });
    expect(house.routed).toEqual([]);
  });

  it('waits for a filter that has a long prompt to look at', async () => {
    const house = new FlowHouse();
    const verdict = Promise.withResolvers<{ policyVersion: bigint; filtersOutput: boolean }>();
    house.filter.input = () => verdict.promise;
    const running = house.run();
    await turns();
    house.clock.advance(9_750);
    verdict.resolve({ policyVersion: 1n, filtersOutput: false });
    expect(await running).toMatchObject({ error: undefined });
  });

  it('is refused as it is when the filter says that nobody can look at so much: a retry would not help', async () => {
    const house = new FlowHouse();
    house.filter.input = () => { throw new ServiceError('invalid_value', 'Invalid `messages`: shorten it.', { param: 'messages' }); };
    expect(await house.run()).toMatchObject({ code: 'invalid_value', httpStatus: 400, param: 'messages' });
    expect([house.routed.length, house.recorded().refused.length, house.tickets]).toEqual([0, 1, [0]]);
  });
});

describe('what comes out of a model', () => {
  it.each([true, false])('leaves when the filter frees it, and the rest at the end; streamed: %s', async (stream) => {
    const house = new FlowHouse();
    let held = '';
    house.filter.input = () => FILTERS_OUTPUT;
    house.filter.output = ({ events, last }) => {
      const text = held + events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join('');
      const free = last ? text : text.slice(0, -2);
      held = last ? '' : text.slice(-2);
      return { events: [...(free === '' ? [] : [{ event: { case: 'delta' as const, value: { text: free, channel: 1 } } }]), ...events.filter(({ event }) => event.case !== 'delta')] };
    };
    house.answer = async function* () {
      yield [started()];
      for (const piece of ['Hel', 'lo ', 'you']) yield [text(piece)];
      yield [used(3n, 3n)];
    };
    await house.run(house.call({ stream }));
    expect([house.releasedText(), house.recordedText()]).toEqual(['Hello you', 'Hello you']);
    expect(house.filter.outputs.map(({ last }) => last)).toEqual([false, false, false, false, true]);
    expect(house.recorded().completed).toMatchObject([{ outcome: 1, outputVerdict: { policyVersion: 7n, action: 0, hitCount: 0 }, counts: { outputTokens: 3n, estimated: false } }]);
  });

  it('ends where a rule blocks it: the model is stopped, nothing of the rest leaves, and the answer stands as answered', async () => {
    const house = new FlowHouse();
    house.filter.input = () => FILTERS_OUTPUT;
    house.filter.output = ({ events }) => (events.some(({ event }) => event.case === 'delta' && event.value.text === 'bluebird')
      ? { events: [{ event: { case: 'finished', value: { reason: 'content_filter' } } }], hits: [{ ...HIT, direction: 2 }], hitCount: 1, stop: true }
      : { events });
    house.answer = async function* () {
      yield [started(), text('the ')];
      yield [text('bluebird')];
      yield [text(' sings')];
    };
    expect(await house.run()).toMatchObject({ error: undefined });
    expect([house.releasedText(), house.recordedText(), house.cancelled]).toEqual(['the ', 'the ', 1]);
    expect(house.finished()).toEqual([{ reason: 'content_filter', stoppedBy: '' }]);
    expect(house.recorded().completed).toMatchObject([{ outcome: 1, errorCode: '', finishReasons: ['content_filter'], outputVerdict: { action: 1, hitCount: 1, hits: [{ direction: 2 }] }, counts: { estimated: true } }]);
    expect(house.filter.outputs).toHaveLength(2);
  });

  it.each([true, false])('ends as failed when the filter breaks, and nothing that was held leaves; streamed: %s', async (stream) => {
    const house = new FlowHouse();
    house.filter.input = () => FILTERS_OUTPUT;
    house.filter.output = ({ events }) => {
      if (events.some(({ event }) => event.case === 'delta' && event.value.text === 'two')) throw new Error('broken');
      return { events };
    };
    house.answer = async function* () {
      yield [started()];
      yield [text('one')];
      yield [text('two')];
    };
    expect(await house.run(house.call({ stream }))).toMatchObject({ error: { code: 'content_filter_unavailable' } });
    expect([house.releasedText(), house.cancelled]).toEqual([stream ? 'one' : '', 1]);
    expect(house.recorded().completed).toMatchObject([{ outcome: 3, errorCode: 'content_filter_unavailable' }]);
  });

  it('ends as failed when the filter does not answer in time', async () => {
    const house = new FlowHouse();
    house.filter.input = () => FILTERS_OUTPUT;
    house.filter.output = () => new Promise(() => undefined);
    const running = house.run();
    await turns();
    house.clock.advance(2_250);
    expect(await running).toMatchObject({ error: { code: 'content_filter_unavailable' } });
    expect(house.releasedText()).toBe('');
  });

  it('names at most 100 hits and counts all, by the strongest action', async () => {
    const house = new FlowHouse();
    house.filter.input = () => FILTERS_OUTPUT;
    house.filter.output = ({ events, last }) => ({ events, hits: Array.from({ length: 40 }, () => ({ ...HIT, action: last ? 2 : 3 })), hitCount: 41 });
    house.answer = async function* () {
      yield [started(), text('a')];
      yield [text('b')];
      yield [over(), used(1n, 2n)];
    };
    await house.run();
    const { outputVerdict } = house.recorded().completed[0]!;
    expect([outputVerdict!.hits.length, outputVerdict!.hitCount, outputVerdict!.action]).toEqual([100, 164, 2]);
  });
});

/** Lets everything that only waits for promises go on. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The messages that the record of a refusal has; undefined when it has none. */
function kept(house: FlowHouse): string | undefined {
  const { call } = house.ending();
  return call && Buffer.from(call.messages).toString();
}
