import { describe, expect, it } from '@jest/globals';
import { guidedSchema } from './guided-schema.ts';

describe('guidedSchema', () => {
  it('keeps what llama.cpp can force, drops what only describes, and writes anyOf as oneOf', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'T',
      type: 'object',
      required: ['a'],
      additionalProperties: false,
      properties: { a: { anyOf: [{ type: 'string', maxLength: 5, description: 'd' }, { type: 'null' }] }, pattern: { enum: [1, 2] }, list: { type: 'array', items: { $ref: '#/$defs/x' }, maxItems: 3 } },
      $defs: { x: { type: 'string', format: 'date' } },
    };
    expect(guidedSchema(schema)).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: { a: { oneOf: [{ type: 'string', maxLength: 5 }, { type: 'null' }] }, pattern: { enum: [1, 2] }, list: { type: 'array', items: { $ref: '#/$defs/x' }, maxItems: 3 } },
      $defs: { x: { type: 'string', format: 'date' } },
    });
  });

  const deep = (depth: number): unknown => (depth === 0 ? { type: 'string' } : { type: 'array', items: deep(depth - 1) });

  const many = (count: number): unknown[] => Array.from({ length: count }, (_, index) => ({ const: index }));

  it('keeps as many alternatives as there may be, wherever they stand', () => {
    const schema = { type: 'object', properties: { enum: { enum: many(200) }, b: { prefixItems: [{ oneOf: many(150) }, { oneOf: many(150) }] } } };
    expect(guidedSchema(schema)).toEqual(schema);
  });

  it.each([
    [{ type: 'string', pattern: 'a' }, "'pattern'"],
    [{ type: 'integer', minimum: 3 }, "'minimum'"],
    [{ allOf: [] }, "'allOf'"],
    [{ type: 'string', format: 'email' }, "format 'email'"],
    [{ type: 'string', maxLength: 1e9 }, "'maxLength'"],
    [{ type: 'object', properties: {}, required: ['a'] }, "'required'"],
    [{ type: 'object', properties: { a: { not: {} } } }, "'not'"],
    [{ oneOf: [] }, "'oneOf'"],
    [{ items: true }, 'not an object'],
    [deep(40), 'depth'],
    [{ enum: Array.from({ length: 501 }, (_, index) => index) }, '500 alternatives'],
    [{ type: 'object', properties: { a: { enum: many(200) }, b: { type: 'array', items: { anyOf: many(301) } } } }, '500 alternatives'],
    [[], 'not an object'],
  ])('refuses %j by name', (schema, named) => {
    expect(() => guidedSchema(schema)).toThrow(named);
  });
});
