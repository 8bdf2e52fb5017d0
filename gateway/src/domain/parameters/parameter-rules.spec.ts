import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Call, Principal } from '../call.ts';
import { applyParameterRules, ParameterRules, type ParameterRule } from './parameter-rules.ts';

const CLIP = 1;
const REFUSE = 2;
const rule = (parameter: string, values: Partial<ParameterRule> = {}): ParameterRule => ({ id: 'prule_1', projectId: '', model: '', parameter, outOfBounds: CLIP, ...values });
const callOf = (fields: Readonly<Record<string, unknown>> = {}, choices = 1): Call => ({
  model: 'alias', stream: true, choices, messages: Buffer.from('[]'), fields: Object.entries(fields).map(([name, value]) => ({ name, json: Buffer.from(JSON.stringify(value)) })),
});
const fieldsOf = ({ fields }: Call): Record<string, unknown> => Object.fromEntries(fields.map(({ name, json }) => [name, JSON.parse(Buffer.from(json).toString())]));
const apply = (call: Call, ...rules: ParameterRule[]): Call => applyParameterRules(call, 'proj_1', 'm', rules);

describe('applyParameterRules', () => {
  it.each(['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'max_tokens', 'max_completion_tokens'])('clips %s to the nearest value within, and leaves the rest as it came', (name) => {
    const bounds = rule(name === 'max_completion_tokens' ? 'max_tokens' : name, { min: 0.5, max: 1 });
    expect(fieldsOf(apply(callOf({ seed: 7, [name]: 2, stop: 'x' }), bounds))).toEqual({ seed: 7, [name]: 1, stop: 'x' });
    expect(fieldsOf(apply(callOf({ [name]: 0 }), bounds))).toEqual({ [name]: 0.5 });
    const kept = callOf({ [name]: 0.7 });
    expect(apply(kept, bounds)).toBe(kept);
  });

  it('keeps the order of fields, and the bytes of those that it does not touch', () => {
    const call = { ...callOf({ a: 1, temperature: 2, b: 2 }), fields: [{ name: 'seed', json: Buffer.from('12345678901234567890') }, { name: 'temperature', json: Buffer.from('2.0') }] };
    const changed = apply(call, rule('temperature', { max: 1 }));
    expect(changed.fields.map(({ name }) => name)).toEqual(['seed', 'temperature']);
    expect(changed.fields[0]!.json).toBe(call.fields[0]!.json);
    expect(call.fields[1]!.json.toString()).toBe('2.0');
  });

  it('refuses by the name that the client wrote, with the bound', () => {
    const refusing = (parameter: string, values: Partial<ParameterRule>) => rule(parameter, { outOfBounds: REFUSE, ...values });
    const refusal = (param: string, bound: string) => expect.objectContaining({ code: 'invalid_value', param, message: expect.stringContaining(bound) });
    expect(() => apply(callOf({ temperature: 1.5 }), refusing('temperature', { max: 1 }))).toThrow(refusal('temperature', 'at most 1'));
    expect(() => apply(callOf({ top_p: 0.1 }), refusing('top_p', { min: 0.2 }))).toThrow(refusal('top_p', 'at least 0.2'));
    expect(() => apply(callOf({ max_completion_tokens: 99 }), refusing('max_tokens', { max: 50 }))).toThrow(refusal('max_completion_tokens', 'at most 50'));
    expect(() => apply(callOf({}, 5), refusing('n', { max: 4 }))).toThrow(refusal('n', 'at most 4'));
  });

  it('says of each parameter that is sent otherwise what was asked for, what is sent and which rule did it', () => {
    const [heat, length, many] = [rule('temperature', { id: 'prule_heat', max: 1 }), rule('max_tokens', { id: 'prule_length', max: 2048 }), rule('n', { id: 'prule_many', max: 2 })];
    const written = { ...callOf({}, 5), fields: [{ name: 'temperature', json: Buffer.from('1.50000000000000000000') }] };
    expect(apply(written, heat, length, many).changes).toEqual([
      { parameter: 'temperature', askedJson: '1.5', sentJson: '1', ruleId: 'prule_heat' }, { parameter: 'max_tokens', askedJson: '', sentJson: '2048', ruleId: 'prule_length' }, { parameter: 'n', askedJson: '5', sentJson: '2', ruleId: 'prule_many' },
    ]);
    expect(apply(callOf({ max_completion_tokens: 9_999 }), length).changes).toEqual([{ parameter: 'max_completion_tokens', askedJson: '9999', sentJson: '2048', ruleId: 'prule_length' }]);
    expect(apply(callOf({ temperature: 0.5, max_tokens: 7 }), heat, length, many).changes).toBeUndefined();
  });

  it('bounds the number of choices', () => {
    expect(apply(callOf({}, 5), rule('n', { max: 2 })).choices).toBe(2);
    expect(apply(callOf({}, 2), rule('n', { max: 2 })).choices).toBe(2);
  });

  it('sends a default where nothing was given, and only there', () => {
    const lukewarm = rule('temperature', { default: 0.3, max: 1 });
    expect(fieldsOf(apply(callOf({ seed: 1 }), lukewarm))).toEqual({ seed: 1, temperature: 0.3 });
    expect(fieldsOf(apply(callOf({ temperature: 0 }), lukewarm))).toEqual({ temperature: 0 });
    expect(fieldsOf(apply(callOf(), rule('temperature', { max: 1 })))).toEqual({});
  });

  it('sends the longest that is allowed where no length was asked for, unless there is a default', () => {
    expect(fieldsOf(apply(callOf(), rule('max_tokens', { max: 50, outOfBounds: REFUSE })))).toEqual({ max_tokens: 50 });
    expect(fieldsOf(apply(callOf(), rule('max_tokens', { max: 50, default: 20 })))).toEqual({ max_tokens: 20 });
    expect(fieldsOf(apply(callOf({ max_completion_tokens: 7 }), rule('max_tokens', { max: 50, default: 20 })))).toEqual({ max_completion_tokens: 7 });
    expect(fieldsOf(apply(callOf(), rule('max_tokens', { min: 5 })))).toEqual({});
  });

  it('lets the most specific rule alone decide, in whatever order they stand', () => {
    const scopes = [{}, { model: 'm' }, { projectId: 'proj_1' }, { projectId: 'proj_1', model: 'm' }];
    const rules = scopes.map((scope, index) => rule('temperature', { ...scope, max: (index + 1) / 10 }));
    const foreign = [rule('temperature', { projectId: 'proj_2', max: 0 }), rule('temperature', { projectId: 'proj_1', model: 'other', max: 0 }), rule('temperature', { model: 'alias', max: 0 })];
    fc.assert(
      fc.property(fc.subarray(rules, { minLength: 1 }).chain((some) => fc.shuffledSubarray([...some, ...foreign], { minLength: some.length + foreign.length })), (known) => {
        const best = Math.max(...known.filter((one) => rules.includes(one)).map(({ max }) => max!));
        expect(fieldsOf(apply(callOf({ temperature: 2 }), ...known))).toEqual({ temperature: best });
      }),
    );
  });

  it('leaves what was asked for within the bounds of every parameter, or refuses it', () => {
    const values = { temperature: fc.double({ min: 0, max: 2, noNaN: true }), max_tokens: fc.integer({ min: 1, max: 9_999 }) };
    fc.assert(
      fc.property(values.temperature, values.max_tokens, values.temperature, values.max_tokens, (heat, length, maxHeat, maxLength) => {
        const changed = fieldsOf(apply(callOf({ temperature: heat, max_tokens: length }), rule('temperature', { max: maxHeat }), rule('max_tokens', { max: maxLength })));
        expect(changed).toEqual({ temperature: Math.min(heat, maxHeat), max_tokens: Math.min(length, maxLength) });
      }),
    );
  });
});

describe('ParameterRules', () => {
  it('apply those of the caller\'s organisation, and cost nothing where there are none', () => {
    const principal: Principal = { keyId: 'key_1', projectId: 'proj_1', organisationId: 'org_1', models: [], keepsBodies: true };
    const rules = new ParameterRules({ parameterRules: (id) => (id === 'org_1' ? [rule('temperature', { max: 1 })] : undefined) });
    expect(fieldsOf(rules.apply(principal, callOf({ temperature: 2 }), 'm'))).toEqual({ temperature: 1 });
    const call = callOf({ temperature: 2 });
    expect(rules.apply({ ...principal, organisationId: 'org_2' }, call, 'm')).toBe(call);
  });
});
