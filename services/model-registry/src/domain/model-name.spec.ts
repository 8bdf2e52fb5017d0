import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkModelName, MAX_MODEL_NAME_CHARACTERS } from './model-name.ts';

describe('checkModelName', () => {
  it.each(['gpt-4o-mini', 'meta-llama/Llama-3.1-8B-Instruct', 'ft:base:team:2', 'a', 'x_1.gguf', 'a'.repeat(MAX_MODEL_NAME_CHARACTERS)])('takes %s', (name) => {
    expect(checkModelName(name, 'name')).toBe(name);
  });

  it.each(['a b', 'a\n', 'é', '../x', 'a/./b', '..', '/a', 'a/', 'a//b', 'a?b', 'a%2F', '"', 'a'.repeat(MAX_MODEL_NAME_CHARACTERS + 1)])('refuses %j by its parameter', (name) => {
    expect(() => checkModelName(name, 'alias')).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'alias' }));
  });

  it('asks for one that is missing', () => {
    expect(() => checkModelName('', 'name')).toThrow(expect.objectContaining({ code: 'missing_required_parameter', param: 'name' }));
  });

  it('takes only what a client can put behind /v1/models/ as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aZ9._-/:% ?#\\'), maxLength: 12 }), (name) => {
        try {
          checkModelName(name, 'name');
        } catch {
          return;
        }
        expect(new URL(`http://h/v1/models/${name}`).pathname).toBe(`/v1/models/${name}`);
      }),
    );
  });
});
