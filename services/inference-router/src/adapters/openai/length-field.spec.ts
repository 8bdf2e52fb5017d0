import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatCallSchema, type ChatCall } from '@sluice/proto/chat/v1/chat';
import { lengthFieldOf, otherName, withLengthField } from './length-field.ts';

const callOf = (fields: Record<string, string>): ChatCall => create(ChatCallSchema, { fields: Object.entries(fields).map(([name, json]) => ({ name, json: Buffer.from(json) })) });
const fieldsOf = (call: ChatCall): Record<string, string> => Object.fromEntries(call.fields.map(({ name, json }) => [name, Buffer.from(json).toString()]));

describe('the bound of the output of a call', () => {
  it('has one of two names, or none that could be another', () => {
    for (const name of ['max_tokens', 'max_completion_tokens'] as const) {
      expect(lengthFieldOf(callOf({ seed: '1', [name]: '5' }), undefined)).toBe(name);
      expect(lengthFieldOf(callOf({ max_tokens: '5' }), name)).toBe(name);
      expect(lengthFieldOf(callOf({ seed: '1' }), name)).toBeUndefined();
      expect(lengthFieldOf(callOf({ max_tokens: '5', max_completion_tokens: '6' }), name)).toBeUndefined();
    }
  });

  it.each(['max_tokens', 'max_completion_tokens'] as const)('is the same under its other name, at the same place: %s', (name) => {
    const call = callOf({ seed: '1', [name]: '0005', top_p: '0.5' });
    const renamed = withLengthField(call, otherName(name));
    expect(Object.entries(fieldsOf(renamed))).toEqual([['seed', '1'], [otherName(name), '0005'], ['top_p', '0.5']]);
    expect(fieldsOf(call)[name]).toBe('0005');
    expect(withLengthField(call, name)).toBe(call);
    expect(otherName(otherName(name))).toBe(name);
  });
});
