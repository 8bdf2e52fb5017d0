import { describe, expect, it } from '@jest/globals';
import { checkParameterRule, type NewParameterRule } from './parameter-rule.ts';

const EVERYWHERE: NewParameterRule = { projectId: '', model: '', parameter: 'temperature', min: undefined, max: 1, defaultValue: undefined, outOfBounds: 'clip' };
const refusal = (code: string, param: string) => expect.objectContaining({ code, param });

describe('checkParameterRule', () => {
  it('takes a rule for everything, and empty text as "every"', () => {
    expect(checkParameterRule(EVERYWHERE)).toEqual({ ...EVERYWHERE, projectId: undefined, model: undefined });
    expect(checkParameterRule({ ...EVERYWHERE, projectId: 'proj_1', model: 'org/m' })).toMatchObject({ projectId: 'proj_1', model: 'org/m' });
    expect(checkParameterRule({ ...EVERYWHERE, min: 1, defaultValue: 1 })).toMatchObject({ min: 1, max: 1, defaultValue: 1 });
    expect(checkParameterRule({ ...EVERYWHERE, max: undefined, defaultValue: 0 })).toMatchObject({ max: undefined, defaultValue: 0 });
  });

  it.each([
    ['no parameter', { parameter: '' }, 'missing_required_parameter', 'parameter'],
    ['a parameter that there is not', { parameter: 'seed' }, 'invalid_value', 'parameter'],
    ['a parameter of every object', { parameter: 'constructor' }, 'invalid_value', 'parameter'],
    ['nothing to keep to', { max: undefined }, 'missing_required_parameter', 'min'],
    ['no word on what is out of bounds', { outOfBounds: undefined }, 'missing_required_parameter', 'out_of_bounds'],
    ['a bound beyond the API', { max: 2.1 }, 'invalid_value', 'max'],
    ['a bound below the API', { min: -0.1 }, 'invalid_value', 'min'],
    ['a bound that is no number', { max: NaN }, 'invalid_value', 'max'],
    ['an endless bound', { max: Infinity }, 'invalid_value', 'max'],
    ['bounds that cross', { min: 1.5 }, 'invalid_value', 'min'],
    ['a default above', { defaultValue: 1.5 }, 'invalid_value', 'default'],
    ['a default below', { min: 0.5, defaultValue: 0.4 }, 'invalid_value', 'default'],
    ['a part of a token', { parameter: 'max_tokens', max: 1.5 }, 'invalid_value', 'max'],
    ['no choice at all', { parameter: 'n', max: 0 }, 'invalid_value', 'max'],
    ['choices that nobody asked for', { parameter: 'n', max: 4, defaultValue: 2 }, 'invalid_value', 'default'],
    ['a model with a line end', { model: 'a\nb' }, 'invalid_value', 'model'],
  ])('refuses %s by its field', (_, change, code, param) => {
    expect(() => checkParameterRule({ ...EVERYWHERE, ...change } as NewParameterRule)).toThrow(refusal(code, param));
  });
});
