import { ServiceError } from '@sluice/errors';
import { shownName } from './json-members.ts';

/** Checks one value of a request and throws OpenAI's refusal, with the path of the value at fault. */
export type Rule = (value: unknown, path: string) => void;

export function boolean(value: unknown, path: string): void {
  if (typeof value !== 'boolean') throw invalidType(path, 'a boolean', value);
}

export function object(value: unknown, path: string): asserts value is Record<string, unknown> {
  if (!isObject(value)) throw invalidType(path, 'an object', value);
}

export function number(min: number, max: number): Rule {
  return (value, path) => {
    if (typeof value !== 'number') throw invalidType(path, 'a decimal', value);
    inRange(value, path, min, max, 'decimal');
  };
}

export function integer(min: number, max: number): Rule {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) throw invalidType(path, 'an integer', value);
    inRange(value, path, min, max, 'integer');
  };
}

export function string(maxCharacters: number): Rule {
  return (value, path) => {
    if (typeof value !== 'string') throw invalidType(path, 'a string', value);
    if (value.length > maxCharacters) {
      throw invalidValue(path, `Invalid '${path}': string too long. Expected a string with maximum length ${maxCharacters}, but got a string with length ${value.length} instead.`);
    }
  };
}

/** A string that names something: at least one character, none of them a control character. */
export function name(maxCharacters: number): Rule {
  const text = string(maxCharacters);
  return (value, path) => {
    text(value, path);
    if (value === '') throw invalidValue(path, `Invalid '${path}': empty string. Expected a string with minimum length 1, but got an empty string instead.`);
    if (/\p{Cc}/u.test(value as string)) throw invalidValue(path, `Invalid '${path}': the string holds control characters.`);
  };
}

export function oneOf(...values: readonly string[]): Rule {
  const supported = values.map((value) => `'${value}'`).join(', ');
  return (value, path) => {
    if (typeof value !== 'string') throw invalidType(path, `one of ${supported}`, value);
    if (!values.includes(value)) throw invalidValue(path, `Invalid value for '${path}'. Supported values are: ${supported}.`);
  };
}

export function arrayOf(rule: Rule, min: number, max: number, what = 'an array'): Rule {
  return (value, path) => {
    if (!Array.isArray(value)) throw invalidType(path, what, value);
    if (value.length < min) {
      throw new ServiceError('empty_array', `Invalid '${path}': empty array. Expected an array with minimum length ${min}, but got an empty array instead.`, { param: path });
    }
    if (value.length > max) {
      throw invalidValue(path, `Invalid '${path}': array too long. Expected an array with maximum length ${max}, but got an array with length ${value.length} instead.`);
    }
    for (let index = 0; index < value.length; index++) rule(value[index], `${path}[${index}]`);
  };
}

/** Checks a member that must be there. */
export function required(parent: Record<string, unknown>, member: string, path: string, rule: Rule): void {
  const value = own(parent, member);
  if (value === undefined || value === null) throw missing(`${path}.${member}`);
  rule(value, `${path}.${member}`);
}

/** Checks a member unless it is absent or null, which are the same. */
export function optional(parent: Record<string, unknown>, member: string, path: string, rule: Rule): void {
  const value = own(parent, member);
  if (value !== undefined && value !== null) rule(value, `${path}.${member}`);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function own(parent: Record<string, unknown>, member: string): unknown {
  return Object.hasOwn(parent, member) ? parent[member] : undefined;
}

export function missing(path: string): ServiceError {
  return new ServiceError('missing_required_parameter', `Missing required parameter: '${path}'.`, { param: path });
}

export function unknown(path: string): ServiceError {
  const shown = shownName(path);
  return new ServiceError('unknown_parameter', `Unknown parameter: '${shown}'.`, { param: shown });
}

export function invalidValue(path: string, message: string): ServiceError {
  return new ServiceError('invalid_value', message, { param: path });
}

export function invalidType(path: string, expected: string, value: unknown): ServiceError {
  return new ServiceError('invalid_type', `Invalid type for '${path}': expected ${expected}, but got ${kindOf(value)} instead.`, { param: path });
}

function inRange(value: number, path: string, min: number, max: number, kind: string): void {
  if (value < min) throw invalidValue(path, `Invalid '${path}': ${kind} below minimum value. Expected a value >= ${min}, but got ${value} instead.`);
  if (value > max) throw invalidValue(path, `Invalid '${path}': ${kind} above maximum value. Expected a value <= ${max}, but got ${value} instead.`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal';
  return `a ${typeof value}`;
}
