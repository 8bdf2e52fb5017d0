import { ServiceError } from '@sluice/errors';

const ANNOTATIONS = new Set(['title', 'description', 'default', 'examples', '$schema', '$id', '$comment']);
const KEPT = new Set(['type', 'const', 'enum', 'additionalProperties', 'minProperties', 'maxProperties', 'minItems', 'maxItems', 'minLength', 'maxLength', 'format', '$ref']);
const FORMATS = new Set(['date-time', 'time', 'date']);
const SCHEMA_DEPTH_LIMIT = 32;
/** A grammar grows with every repetition that it must count. */
const REPETITION_LIMIT = 1000;

type Schema = Readonly<Record<string, unknown>>;

/**
 * The part of JSON Schema that llama.cpp can force an answer into, in its own words; anything else is refused by name.
 * All properties are always written, so `required` holds; one branch of `anyOf` is enough for it to hold.
 */
export function guidedSchema(schema: unknown, depth = 0): Schema {
  if (!isSchema(schema)) throw refuse('a schema that is not an object');
  if (depth > SCHEMA_DEPTH_LIMIT) throw refuse(`a depth of more than ${SCHEMA_DEPTH_LIMIT}`);
  const guided: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(keyword)) continue;
    guided[keyword === 'anyOf' ? 'oneOf' : keyword] = readKeyword(keyword, value, schema, depth);
  }
  delete guided.required;
  return guided;
}

function readKeyword(keyword: string, value: unknown, schema: Schema, depth: number): unknown {
  switch (keyword) {
    case 'properties':
    case '$defs':
      if (!isSchema(value)) throw refuse(`'${keyword}' that is not an object`);
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, guidedSchema(member, depth + 1)]));
    case 'items':
      return guidedSchema(value, depth + 1);
    case 'anyOf':
    case 'oneOf':
    case 'prefixItems':
      if (!Array.isArray(value) || value.length === 0 || ('anyOf' in schema && 'oneOf' in schema)) throw refuse(`this use of '${keyword}'`);
      return value.map((member) => guidedSchema(member, depth + 1));
    case 'required':
      if (!Array.isArray(value) || value.some((name) => !isSchema(schema.properties) || !Object.hasOwn(schema.properties, String(name)))) {
        throw refuse("'required' with a name that 'properties' does not have");
      }
      return undefined;
    default:
      return readPlainKeyword(keyword, value, depth);
  }
}

function readPlainKeyword(keyword: string, value: unknown, depth: number): unknown {
  if (!KEPT.has(keyword)) throw refuse(`'${keyword.slice(0, 40)}'`);
  if (keyword === 'additionalProperties' && typeof value !== 'boolean') return guidedSchema(value, depth + 1);
  if (keyword === 'format' && !FORMATS.has(String(value))) throw refuse(`the format '${String(value).slice(0, 40)}'`);
  if (/^(min|max)/.test(keyword) && (!Number.isInteger(value) || Number(value) < 0 || Number(value) > REPETITION_LIMIT)) {
    throw refuse(`'${keyword}' that is not an integer up to ${REPETITION_LIMIT}`);
  }
  return value;
}

function refuse(what: string): ServiceError {
  return new ServiceError('unsupported_parameter', `The local engine does not support ${what} in a JSON schema.`, { param: 'guided_decoding' });
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
