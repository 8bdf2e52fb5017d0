/** JSON Schema, 2020-12 and draft 7: words of its own that stand where names of a client stand too. */
export const SCHEMA_NAMES: ReadonlySet<string> = new Set(
  (
    'type properties required items description title enum const default examples format pattern additionalProperties patternProperties propertyNames ' +
    'anyOf oneOf allOf not if then else $ref $defs definitions $schema $id $comment $anchor minimum maximum exclusiveMinimum exclusiveMaximum multipleOf ' +
    'minLength maxLength minItems maxItems uniqueItems prefixItems contains minContains maxContains minProperties maxProperties dependentRequired ' +
    'dependentSchemas unevaluatedItems unevaluatedProperties nullable deprecated readOnly writeOnly contentEncoding contentMediaType'
  ).split(' '),
);

/** What its `type` may say. */
export const SCHEMA_TYPES: ReadonlySet<string> = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);
