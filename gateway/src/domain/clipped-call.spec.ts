import { describe, expect, it } from '@jest/globals';
import { ADDED_LENGTH_LIMIT_TOKENS, clipped } from './clipped-call.ts';

const callWith = (name: string, json: string) => ({ model: 'm', messages: Buffer.from('[]'), fields: [{ name: 'seed', json: Buffer.from('900') }, { name, json: Buffer.from(json) }], stream: true, choices: 1 });

describe('a call that is clipped', () => {
  it('says what was asked for and what is sent, behind what rules changed of it before', () => {
    const before = { parameter: 'temperature', askedJson: '2', sentJson: '1', ruleId: 'prule_1' };
    expect(clipped({ ...callWith('max_tokens', '1e2'), changes: [before] }, 99).changes).toEqual([before, { parameter: 'max_tokens', askedJson: '100', sentJson: '99', ruleId: '' }]);
    expect(clipped(callWith('user', '"500"'), 7).changes).toEqual([{ parameter: 'max_completion_tokens', askedJson: '', sentJson: '7', ruleId: '' }]);
    expect(clipped(callWith('max_tokens', '7'), 7).changes).toBeUndefined();
  });

  it.each(['max_tokens', 'max_completion_tokens'])('asks for no more than is affordable by %s, and is the same call where it does not', (name) => {
    const call = callWith(name, '100');
    expect(clipped(call, 100)).toBe(call);
    expect(clipped(call, 99).fields.map(({ name: field, json }) => [field, Buffer.from(json).toString()])).toEqual([['seed', '900'], [name, '99']]);
    expect(Buffer.from(call.fields[1]!.json).toString()).toBe('100');
  });

  it('that names no length is given one when little is affordable, and left alone when it is much', () => {
    const call = callWith('user', '"500"');
    expect(clipped(call, 7).fields.map(({ name: field, json }) => [field, Buffer.from(json).toString()])).toEqual([['seed', '900'], ['user', '"500"'], ['max_completion_tokens', '7']]);
    expect(clipped(call, ADDED_LENGTH_LIMIT_TOKENS)).not.toBe(call);
    expect(clipped(call, ADDED_LENGTH_LIMIT_TOKENS + 1)).toBe(call);
  });
});
