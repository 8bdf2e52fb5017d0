import { describe, expect, it } from '@jest/globals';
import { recordedCall, type RecordedCall } from '../platform-api/answers.ts';
import { completedCall } from '../testing/scripted-call.ts';
import { governanceFacts, hitLines } from './governed-call.ts';
import { conversation } from './recorded-conversation.ts';

const shown = completedCall().shown as unknown as RecordedCall;
const { governed } = shown;
const facts = (call: object): Record<string, string | undefined> => Object.fromEntries(governanceFacts({ ...shown, ...call }).filter(([name]) => name !== 'parameter'));
const changes = (call: object): (string | undefined)[] => governanceFacts({ ...shown, ...call }).flatMap(([name, value]) => (name === 'parameter' ? [value] : []));

describe('what limits, money and content did to a call', () => {
  it('of tensors is one request with the price of one, and never a number of tokens', () => {
    const { price, hold } = governed!;
    const call = { ...shown, request: { messages: null, tensors: { inputs: [] } }, usage: { ...shown.usage!, input_tokens: 1, output_tokens: 0 }, governed: { ...governed, price: { ...price!, input_nano: '50000', output_nano: '0' }, cost_nano: '50000', hold: { ...hold!, amount_nano: '50000', output_tokens: 1_000_000_000 } }, hold_extensions: [] };
    expect(facts(call)).toMatchObject({ cost: '50000 nano-EUR (price_1: 50000 a request)', held: '50000 nano-units, for the request: 50000 spent, 0 given back' });
    const text = conversation(recordedCall.parse(call));
    expect([text.match(/^counted +(.*)$/m)?.[1], /^tokens /m.test(text)]).toEqual(['one request', false]);
  });

  it('is its cost and price, what was held, and what rules found where, never what they matched', () => {
    const [hold] = [governed!.hold!];
    expect(facts({ hold_extensions: [hold, hold] })).toEqual({
      cost: '35 nano-EUR (price_1: 5 a token in, 5 out)', held: '900 nano-units in the end (extended 2 times), for the input and up to 256 tokens of output: 35 spent, 865 given back', overrun: undefined, stopped: undefined,
      input: 'mask, 1 hit (rules of version 4)', output: 'flag, 120 hits (rules of version 4)',
    });
    expect(hitLines(shown)).toEqual([
      'in mask by rule_1 (pii:email): content of message 0, 3-17, text abababababababab',
      'out flag by rule_1 (pii:email): content of choice 0, 3-17, text abababababababab',
      'and 119 more',
    ]);
  });

  it.each([
    [{ hold_extensions: [] }, '900 nano-units, for the input and up to 256 tokens of output: 35 spent, 865 given back'],
    [{ hold_extensions: [governed!.hold!], status: 'running' }, '900 nano-units so far (extended once), for the input and up to 256 tokens of output: 35 spent so far'],
    [{ governed: { ...governed, cost_nano: '900', overrun_nano: '7' } }, '900 nano-units, for the input and up to 256 tokens of output: 900 spent, 0 given back'],
    [{ governed: { ...governed, cost_nano: '950', hold: { ...governed!.hold!, limited: false } } }, '900 nano-units, for the input and up to 256 tokens of output: 950 spent; no budget limits it'],
  ])('tells what was held and what became of it', (call, held) => expect(facts(call)['held']).toBe(held));

  it('has all that the cost can be computed from', () => {
    const price = { ...governed!.price!, input_nano: '7', cached_input_nano: '3', output_nano: '13', reasoning_nano: '17' };
    const usage = { ...shown.usage!, input_tokens: 40, cached_input_tokens: 8, output_tokens: 25, reasoning_tokens: 5 };
    expect(facts({ usage, governed: { ...governed, price, cost_nano: '593' } })['cost']).toBe('593 nano-EUR (price_1: 7 a token in, 3 cached, 13 out, 17 reasoning)');
    expect(facts({ usage: { ...usage, cached_input_tokens: 0 }, governed: { ...governed, price, overrun_nano: '9' } })['cost']).toBe('35 nano-EUR without the overrun (price_1: 7 a token in, 13 out, 17 reasoning)');
    const tokensOf = (counted: object) => conversation(recordedCall.parse({ ...shown, usage: { ...usage, ...counted } })).match(/^tokens +(.*)$/m)?.[1];
    expect([tokensOf({}), tokensOf({ cached_input_tokens: 0, estimated: true })]).toEqual(['40 in (8 of them cached), 25 out (5 of them reasoning)', '40 in, 25 out (5 of them reasoning) (estimated)']);
  });

  it('says how the money ended, and when there was none to speak of', () => {
    expect(facts({ governed: { ...governed, stopped_by: 'budget', overrun_nano: '7' } })).toMatchObject({ stopped: 'by its budget', overrun: expect.stringContaining('7 nano-units above') });
    expect(facts({ governed: { ...governed, price: null, cost_nano: '0', hold: { amount_nano: '0', limited: false, output_tokens: 256 }, input: null, output: null } })).toEqual({ cost: '0 (the model has no price)', held: undefined, overrun: undefined, stopped: undefined, input: undefined, output: undefined });
    expect(facts({ governed: null })).toEqual({});
  });

  it('is what became of each parameter, by what', () => {
    expect(changes({})).toEqual(['temperature 2, sent as 1 by prule_1', 'max_tokens not given, made 2048 by prule_2, sent as 256 by its budget']);
    const clipped = [{ name: 'max_tokens', asked: 1000, sent: 165, rule_id: null }];
    expect(changes({ governed: { ...governed, parameters: clipped } })).toEqual(['max_tokens 1000, sent as 165 by its budget']);
    expect(changes({ governed: null, refused: { by: null, input: null, parameters: governed!.parameters!.slice(0, 2) } })).toEqual(['temperature 2, made 1 by prule_1', 'max_tokens not given, made 2048 by prule_2']);
    expect(changes({ governed: { ...governed, parameters: undefined } })).toEqual([]);
  });

  it.each([
    [{ type: 'limit', level: 'key', subject_id: 'key_1', kind: 'requests_per_minute', limit: 60 }, 'the limit of key key_1: 60 requests per minute'],
    [{ type: 'budget', level: 'project', subject_id: 'proj_1', period: 'day', amount_nano: '100', spent_nano: '98', held_nano: '1' }, 'the budget of project proj_1 (period day): 98 spent and 1 held of 100 nano-units'],
    [{ type: 'rule', rule_id: 'rule_1', title: 'House secrets', policy_version: 4 }, 'the rule rule_1 "House secrets" (rules of version 4)'],
  ])('names what refused it', (by, said) => {
    expect(facts({ governed: null, refused: { by, input: governed!.input } })).toEqual({ refused: said, input: 'mask, 1 hit (rules of version 4)' });
  });
});
