import { ServiceError } from '@sluice/errors';
import { checkName, MAX_MODEL_NAME_CHARACTERS } from './check.ts';

/** What a value out of bounds leads to: the nearest value within, or a refusal. */
export type OutOfBounds = 'clip' | 'refuse';

/** Bounds and default of one parameter of requests. */
export interface ParameterRule {
  readonly id: string;
  /** Undefined: every project. */
  readonly projectId: string | undefined;
  /** Undefined: every model. */
  readonly model: string | undefined;
  readonly parameter: string;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** Sent to the model when the request has none. */
  readonly defaultValue: number | undefined;
  readonly outOfBounds: OutOfBounds;
}

/** What was asked for; empty text stands for "every", as on the wire. */
export type NewParameterRule = Omit<ParameterRule, 'id' | 'outOfBounds'> & { readonly outOfBounds: OutOfBounds | undefined };

interface Range {
  readonly min: number;
  readonly max: number;
  readonly isInteger: boolean;
}

/** What the API itself takes of each parameter: a bound beyond it would never be met. */
const PARAMETERS: Readonly<Record<string, Range>> = {
  temperature: { min: 0, max: 2, isInteger: false },
  top_p: { min: 0, max: 1, isInteger: false },
  max_tokens: { min: 1, max: 2 ** 31 - 1, isInteger: true },
  n: { min: 1, max: 128, isInteger: true },
  presence_penalty: { min: -2, max: 2, isInteger: false },
  frequency_penalty: { min: -2, max: 2, isInteger: false },
};

/** Errors: `missing_required_parameter`, `invalid_value`, naming the field at fault. */
export function checkParameterRule(rule: NewParameterRule): Omit<ParameterRule, 'id'> {
  if (rule.parameter === '') throw new ServiceError('missing_required_parameter', '`parameter` must be given.', { param: 'parameter' });
  const range = Object.hasOwn(PARAMETERS, rule.parameter) ? PARAMETERS[rule.parameter]! : undefined;
  if (!range) throw invalid('parameter', `\`parameter\` must be one of ${Object.keys(PARAMETERS).join(', ')}.`);
  const { min, max, defaultValue, outOfBounds } = rule;
  if (!outOfBounds) throw new ServiceError('missing_required_parameter', '`out_of_bounds` must be given.', { param: 'out_of_bounds' });
  if (min === undefined && max === undefined && defaultValue === undefined) {
    throw new ServiceError('missing_required_parameter', 'A rule needs at least one of `min`, `max` and `default`.', { param: 'min' });
  }
  checkRange(rule.parameter, range, 'min', min);
  checkRange(rule.parameter, range, 'max', max);
  checkRange(rule.parameter, range, 'default', defaultValue);
  if (rule.parameter === 'n' && defaultValue !== undefined) throw invalid('default', '`default` of n has no meaning: who asks for no number of choices asks for one.');
  if (min !== undefined && max !== undefined && min > max) throw invalid('min', '`min` is larger than `max`.');
  if (defaultValue !== undefined && (defaultValue < (min ?? -Infinity) || defaultValue > (max ?? Infinity))) throw invalid('default', '`default` lies outside of `min` and `max`.');
  const model = rule.model === undefined || rule.model === '' ? undefined : checkName(rule.model, 'model', MAX_MODEL_NAME_CHARACTERS);
  return { ...rule, outOfBounds, model, projectId: rule.projectId === '' ? undefined : rule.projectId };
}

function checkRange(parameter: string, { min, max, isInteger }: Range, field: string, value: number | undefined): void {
  if (value === undefined) return;
  // A value that is not a number compares false with both.
  if (!(value >= min && value <= max)) throw invalid(field, `\`${field}\` of ${parameter} must lie between ${min} and ${max}.`);
  if (isInteger && !Number.isInteger(value)) throw invalid(field, `\`${field}\` of ${parameter} must be a whole number.`);
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_value', message, { param });
}
