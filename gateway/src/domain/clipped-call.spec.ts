import { describe, expect, it } from '@jest/globals';
import { ADDED_LENGTH_LIMIT_TOKENS, clipped } from './clipped-call.ts';

const callWith = (name: string, json: string) => ({ model: 'm', messages: Buffer.from('[]'), fields: [{ name: 'seed', json: Buffer.from('900') }, { name, json: Buffer.from(json) }], stream: true, choices: 1 });

describe('a call that is clipped', () => {
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
