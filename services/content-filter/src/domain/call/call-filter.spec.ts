import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { ChatCallSchema, type ChatCall } from '@sluice/proto/chat/v1/chat';
import { CallFilter } from './call-filter.ts';
import { jsonTextOf } from './json-bytes.ts';
import type { Policies } from './policy.ts';
import { clientView, delta, finished } from './testing/events.ts';
import { CALL_STEPS_LIMIT, STRETCH_UNITS } from './limits.ts';
import { FailingPolicy, MASK, ScriptedPolicies, ScriptedPolicy, STEPS_A_LETTER, type ScriptedRule } from './testing/scripted-policy.ts';

const OWNER = { callId: 'call-1', organisationId: 'org-1', projectId: 'project-1' };
const hash = (): Uint8Array => new Uint8Array(32);
const turn = async (): Promise<void> => undefined;
const callOf = (content: string): ChatCall => create(ChatCallSchema, { messages: Buffer.from(JSON.stringify([{ role: 'user', content }])), choices: 1 });
const open = (policies: Policies): CallFilter => new CallFilter(OWNER, { policies, hash });
const policiesOf = (...rules: ScriptedRule[]): ScriptedPolicies => new ScriptedPolicies(new ScriptedPolicy(rules));

describe('call filter', () => {
  it('keeps the policy that it began with, whatever is in force meanwhile', async () => {
    const policies = policiesOf({ word: 'old', action: 'mask' });
    const call = open(policies);
    await call.input(callOf('x'), turn);
    const left = (await call.output([delta('an o')], false, turn)).events;
    policies.policy = new ScriptedPolicy([{ word: 'new', action: 'block' }], 8n);
    left.push(...(await call.output([delta('ld new one'), finished()], true, turn)).events);
    expect(clientView(left).texts).toEqual({ '0/CONTENT/0': `an ${MASK} new one` });
    expect(call.policy.version).toBe(7n);
    const next = open(policies);
    await next.input(callOf('x'), turn);
    expect(clientView((await next.output([delta('old new')], true, turn)).events).reasons).toEqual({ 0: 'content_filter' });
  });

  it('masks the input and takes turns', async () => {
    const call = open(policiesOf({ word: 'abc', action: 'mask' }));
    let turns = 0;
    const stretches = Math.floor(20_000 / STRETCH_UNITS);
    const counting = async (): Promise<void> => void turns++;
    const outcome = await call.input(callOf(`abc${'x'.repeat(20_000)}`), counting);
    expect(turns).toBeGreaterThanOrEqual(stretches);
    expect(jsonTextOf(outcome.call!.messages)).toMatch(/"content":"\[masked\]xxx/);
    const { events } = await call.output([delta('x'.repeat(20_000)), delta('abc')], true, counting);
    expect(turns).toBeGreaterThanOrEqual(2 * stretches);
    expect(clientView(events).texts).toEqual({ '0/CONTENT/0': `${'x'.repeat(20_000)}${MASK}` });
  });

  it('costs at most what a call may, over its input and all of its output, and fails closed', async () => {
    const call = open(policiesOf({ word: 'abc', action: 'flag' }));
    const most = CALL_STEPS_LIMIT / STEPS_A_LETTER;
    await call.input(callOf('x'.repeat(most / 2)), turn);
    await call.output([delta('x'.repeat(most / 2 - 1_000))], false, turn);
    expect(await refusalOf(call.output([delta('x'.repeat(2_000))], false, turn))).toMatchObject({ code: 'content_filter_unavailable' });
    expect(await refusalOf(call.output([finished()], true, turn))).toMatchObject({ code: 'content_filter_unavailable' });
  });

  it('refuses an input that costs more than a call may, and says that it must be shorter', async () => {
    const call = open(policiesOf({ word: 'abc', action: 'flag' }));
    const refusal = await refusalOf(call.input(callOf('x'.repeat(CALL_STEPS_LIMIT / STEPS_A_LETTER + 1)), turn));
    expect(refusal).toMatchObject({ code: 'invalid_value', param: 'messages', message: expect.stringContaining('shorten') });
    expect(refusal.retryAfterSeconds).toBeUndefined();
  });

  it('tells what is too much to look at by what cost most of it', async () => {
    const most = CALL_STEPS_LIMIT / STEPS_A_LETTER;
    const refusal = (content: number, fields: Readonly<Record<string, number>>): Promise<ServiceError> => {
      const messages = callOf('x'.repeat(content)).messages;
      const call = create(ChatCallSchema, { messages, choices: 1, fields: Object.entries(fields).map(([name, letters]) => ({ name, json: Buffer.from(JSON.stringify('y'.repeat(letters))) })) });
      return refusalOf(open(policiesOf({ word: 'abc', action: 'flag' })).input(call, turn));
    };
    expect(await refusal(1.1 * most, {})).toMatchObject({ code: 'invalid_value', param: 'messages', message: expect.stringContaining('`messages`') });
    expect(await refusal(0.3 * most, { tools: 0.9 * most })).toMatchObject({ code: 'invalid_value', param: 'tools', message: expect.stringContaining('`tools`') });
    expect(await refusal(0.3 * most, { tools: 0.6 * most, user: 0.3 * most })).toMatchObject({ param: 'tools' });
    expect(await refusal(0.6 * most, { tools: 0.3 * most, user: 0.3 * most })).toMatchObject({ param: 'messages' });
  });

  it('says that an input is blocked, and keeps what it masks of it, however much of it there is to look at', async () => {
    const most = CALL_STEPS_LIMIT / STEPS_A_LETTER;
    const call = open(policiesOf({ word: 'abc', action: 'mask' }, { word: 'bad', action: 'block' }));
    const outcome = await call.input(callOf(`abc${'x'.repeat(most * 0.6)} bad${'x'.repeat(most * 0.3)}`), turn);
    expect(outcome).toMatchObject({ action: 'block', blockedBy: { id: 'rule-1' } });
    expect(jsonTextOf(outcome.call!.messages)).toContain(`"content":"${MASK}xxx`);
    expect(call.hits.all.map(({ ruleId }) => ruleId)).toEqual(['rule-0', 'rule-1']);
  });

  it('keeps nothing of what is blocked and cannot be looked at to its end', async () => {
    const call = open(policiesOf({ word: 'abc', action: 'mask' }, { word: 'bad', action: 'block' }));
    const outcome = await call.input(callOf(`abc bad${'x'.repeat(1.1 * CALL_STEPS_LIMIT / STEPS_A_LETTER)}`), turn);
    expect(outcome).toMatchObject({ action: 'block', blockedBy: { id: 'rule-1' }, call: undefined });
    const many = open(policiesOf({ word: 'bad', action: 'block' }));
    expect(await many.input(create(ChatCallSchema, { messages: Buffer.from(JSON.stringify(['bad', ...Array.from({ length: 70_000 }, () => 'x')])), choices: 1 }), turn)).toMatchObject({ action: 'block', call: undefined });
  });

  it('fails closed when it cannot look again at what is blocked for any other reason', async () => {
    const rules: ScriptedRule[] = [{ word: 'bad', action: 'block' }];
    const policy = Object.defineProperty(new ScriptedPolicy(rules), 'masksAlone', { value: new FailingPolicy(rules, () => true) });
    expect(await refusalOf(open(new ScriptedPolicies(policy)).input(callOf('bad'), turn))).toMatchObject({ code: 'content_filter_unavailable' });
  });

  it('lets others have their turn also while it looks again at what is blocked', async () => {
    const call = open(policiesOf({ word: 'bad', action: 'block' }));
    let turns = 0;
    await call.input(callOf(`bad${'x'.repeat(20_000)}`), async () => void turns++);
    expect(turns).toBeGreaterThanOrEqual(Math.floor(20_000 / STRETCH_UNITS));
  });

  it('has no output for an input that was blocked, nor before the input', async () => {
    const call = open(policiesOf({ word: 'bad', action: 'block' }));
    await expect(call.output([delta('x')], false, turn)).rejects.toMatchObject({ code: 'failed_precondition' });
    expect(await call.input(callOf('bad'), turn)).toMatchObject({ action: 'block' });
    await expect(call.output([delta('x')], false, turn)).rejects.toMatchObject({ code: 'failed_precondition' });
  });

  it('says when the model can be stopped', async () => {
    const call = open(policiesOf({ word: 'bad', action: 'block', direction: 'out' }));
    await call.input(callOf('bad'), turn);
    expect((await call.output([delta('x ')], false, turn)).stop).toBe(false);
    expect((await call.output([delta('bad')], false, turn)).stop).toBe(true);
  });

  it('fails closed for good, and tells nothing of what it looked at', async () => {
    const failing = new FailingPolicy([{ word: 'bad', action: 'block', direction: 'out' }], (piece) => piece === 'my secret');
    const call = open(new ScriptedPolicies(failing));
    await call.input(callOf('x'), turn);
    const thrown = await refusalOf(call.output([delta('my secret')], false, turn));
    expect(thrown).toMatchObject({ code: 'content_filter_unavailable', cause: { message: 'SyntaxError' } });
    expect(`${thrown.message} ${thrown.stack} ${(thrown.cause as Error).stack}`).not.toContain('secret');
    expect((thrown.cause as Error).stack).toContain('    at ');
    expect((await refusalOf(call.output([finished()], true, turn))).code).toBe('content_filter_unavailable');
  });

  it('lets no call begin while the rules are not known', () => {
    const unknown = new ServiceError('content_filter_unavailable', 'The filter rules are being loaded.');
    const away: Policies = {
      of() {
        throw unknown;
      },
    };
    expect(catchOf(() => open(away))).toBe(unknown);
    const broken: Policies = {
      of() {
        throw new Error('of another kind');
      },
    };
    expect(catchOf(() => open(broken)).code).toBe('content_filter_unavailable');
  });
});

async function refusalOf(work: Promise<unknown>): Promise<ServiceError> {
  const thrown: unknown = await work.catch((error: unknown) => error);
  return catchOf(() => {
    throw thrown;
  });
}

function catchOf(work: () => unknown): ServiceError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof ServiceError) return thrown;
  }
  throw new Error('It did not fail as it should.');
}
