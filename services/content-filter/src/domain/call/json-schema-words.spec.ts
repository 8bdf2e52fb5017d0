import { describe, expect, it } from '@jest/globals';
import { SCHEMA_NAMES, SCHEMA_TYPES } from './json-schema-words.ts';

describe('words of JSON Schema', () => {
  it('are its own alone', () => {
    expect(['properties', '$defs', 'city', ''].map((name) => SCHEMA_NAMES.has(name))).toEqual([true, true, false, false]);
    expect([...SCHEMA_TYPES].sort()).toEqual(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']);
  });
});
