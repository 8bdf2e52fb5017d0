import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConfigError, readConfig } from './index.ts';

const shape = { PORT: z.coerce.number().int().min(1).default(8080), MODE: z.enum(['a', 'b']).default('a'), URL: z.url().optional() };

describe('readConfig', () => {
  it('takes defaults for what is not set or empty, and freezes the result', () => {
    const config = readConfig(shape, { PORT: '', MODE: 'b' });
    expect(config).toEqual({ PORT: 8080, MODE: 'b' });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reports all faults at once, each by the name of its setting', () => {
    const read = () => readConfig(shape, { PORT: 'many', MODE: 'c', URL: 'not a url' });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/3 faults[\s\S]*PORT[\s\S]*MODE[\s\S]*URL/);
  });

  it.each([
    ['PORT', 'many', 'PORT: must be a number (it is "many")'],
    ['PORT', '1.5', 'PORT: must be a whole number (it is "1.5")'],
    ['PORT', '-0.5', 'PORT: must be a whole number (it is "-0.5")'],
    ['PORT', '0', 'PORT: must be at least 1 (it is "0")'],
    ['PORT', '1e99', 'PORT: must be at most 9007199254740991 (it is "1e99")'],
    ['MODE', 'c'.repeat(50), `MODE: must be one of a, b (it is "${'c'.repeat(40)}")`],
    ['URL', 'user password', 'URL: must be a URL'],
  ])('says what %s=%s must be, once, and quotes what cannot be a secret', (name, value, fault) => {
    const thrown = (): unknown => {
      try {
        return readConfig(shape, { [name]: value });
      } catch (error) {
        return error;
      }
    };
    expect(thrown()).toMatchObject({ faults: [fault] });
  });
});
