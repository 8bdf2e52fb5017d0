import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import fc from 'fast-check';
import { checkExpiry, checkModels, checkName, MAX_KEY_MODELS, MAX_NAME_CHARACTERS } from './check.ts';

function refusal(run: () => unknown): Pick<ServiceError, 'code' | 'param'> | undefined {
  try {
    run();
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof ServiceError)) throw thrown;
    return { code: thrown.code, param: thrown.param };
  }
}

describe('checkName', () => {
  it('takes what people write, in any script, up to the limit in characters', () => {
    for (const name of ['a', 'Team Ä', '模型', '🙂'.repeat(MAX_NAME_CHARACTERS)]) expect(checkName(name, 'name')).toBe(name);
  });

  it('refuses the empty, the long, and what would forge a line or turn its direction', () => {
    expect(refusal(() => checkName('  ', 'name'))).toEqual({ code: 'missing_required_parameter', param: 'name' });
    for (const name of ['x'.repeat(MAX_NAME_CHARACTERS + 1), 'a\nb', 'a\u001b[31m', 'a\u0000', 'a\u007f', 'a\u202eb', 'a\u2028b', '\ud800']) {
      expect(refusal(() => checkName(name, 'name'))).toEqual({ code: 'invalid_value', param: 'name' });
    }
  });

  it('returns the very name or refuses it by its parameter, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (name) => {
        const fault = refusal(() => expect(checkName(name, 'name')).toBe(name));
        expect(fault?.param ?? 'name').toBe('name');
        if (/\p{Cc}/u.test(name)) expect(fault).toBeDefined();
      }),
    );
  });
});

describe('checkModels', () => {
  it('keeps each model once, in the order given', () => {
    expect(checkModels(['b', 'a', 'b'])).toEqual(['b', 'a']);
  });

  it('names the entry at fault, and bounds the list', () => {
    expect(refusal(() => checkModels(['ok', '\n']))).toEqual({ code: 'missing_required_parameter', param: 'models[1]' });
    expect(refusal(() => checkModels(['ok', 'x'.repeat(201)]))).toEqual({ code: 'invalid_value', param: 'models[1]' });
    expect(refusal(() => checkModels(Array.from({ length: MAX_KEY_MODELS + 1 }, (_, at) => `m${at}`)))).toEqual({ code: 'invalid_value', param: 'models' });
    expect(checkModels(Array.from({ length: MAX_KEY_MODELS }, (_, at) => `m${at}`))).toHaveLength(MAX_KEY_MODELS);
  });
});

describe('checkExpiry', () => {
  it('takes the future and never, nothing else', () => {
    expect(checkExpiry(0n, 1000)).toBeUndefined();
    expect(checkExpiry(1001n, 1000)).toBe(1001);
    for (const at of [1000n, 999n, -1n, 8_640_000_000_000_001n]) {
      expect(refusal(() => checkExpiry(at, 1000))).toEqual({ code: 'invalid_value', param: 'expires_at_ms' });
    }
  });
});
