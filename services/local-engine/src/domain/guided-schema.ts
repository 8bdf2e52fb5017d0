import { ServiceError } from '@sluice/errors';

const ANNOTATIONS = new Set(['title', 'description', 'default', 'examples', '$schema', '$id', '$comment']);
const KEPT = new Set(['type', 'const', 'enum', 'additionalProperties', 'minProperties', 'maxProperties', 'minItems', 'maxItems', 'minLength', 'maxLength', 'format', '$ref']);
const FORMATS = new Set(['date-time', 'time', 'date']);
const SCHEMA_DEPTH_LIMIT = 32;
/** A grammar grows with every repetition that it must count. */
const REPETITION_LIMIT = 1000;
/**
 * Values of `enum` and branches of `oneOf` in the whole schema. Each costs all answers of the model about 10 ms of a slow
 * core in one short answer, and beyond some hundreds far more: 2000 took half a minute.
 */
const ALTERNATIVES_LIMIT = 500;

type Schema = Readonly<Record<string, unknown>>;

/**
 * The part of JSON Schema that llama.cpp can force an answer into, in its own words; anything else is refused by name.
 * All properties are always written, so `required` holds; one branch of `anyOf` is enough for it to hold.
 */
export function guidedSchema(schema: unknown): Schema {
  return readSchema(schema, 0, { alternatives: 0 });
}

/** What was read of the schema so far. */
interface Tally {
  alternatives: number;
}

function readSchema(schema: unknown, depth: number, tally: Tally): Schema {
  if (!isSchema(schema)) throw refuse('a schema that is not an object');
  if (depth > SCHEMA_DEPTH_LIMIT) throw refuse(`a depth of more than ${SCHEMA_DEPTH_LIMIT}`);
  const guided: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(keyword)) continue;
    guided[keyword === 'anyOf' ? 'oneOf' : keyword] = readKeyword(keyword, value, schema, depth, tally);
  }
  delete guided.required;
  return guided;
}

function readKeyword(keyword: string, value: unknown, schema: Schema, depth: number, tally: Tally): unknown {
  if (['enum', 'anyOf', 'oneOf'].includes(keyword) && Array.isArray(value)) tally.alternatives += value.length;
  if (tally.alternatives > ALTERNATIVES_LIMIT) throw refuse(`more than ${ALTERNATIVES_LIMIT} alternatives`);
  switch (keyword) {
    case 'properties':
    case '$defs':
      if (!isSchema(value)) throw refuse(`'${keyword}' that is not an object`);
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, readSchema(member, depth + 1, tally)]));
    case 'items':
      return readSchema(value, depth + 1, tally);
    case 'anyOf':
    case 'oneOf':
    case 'prefixItems':
      if (!Array.isArray(value) || value.length === 0 || ('anyOf' in schema && 'oneOf' in schema)) throw refuse(`this use of '${keyword}'`);
      return value.map((member) => readSchema(member, depth + 1, tally));
    case 'required':
      if (!Array.isArray(value) || value.some((name) => !isSchema(schema.properties) || !Object.hasOwn(schema.properties, String(name)))) {
        throw refuse("'required' with a name that 'properties' does not have");
      }
      return undefined;
    default:
      return readPlainKeyword(keyword, value, depth, tally);
  }
}

function readPlainKeyword(keyword: string, value: unknown, depth: number, tally: Tally): unknown {
  if (!KEPT.has(keyword)) throw refuse(`'${keyword.slice(0, 40)}'`);
  if (keyword === 'additionalProperties' && typeof value !== 'boolean') return readSchema(value, depth + 1, tally);
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
