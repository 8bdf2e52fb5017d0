import { ServiceError } from '@sluice/errors';
import type { ParameterRule as RuleMessage } from '@sluice/proto/access/v1/access';
import { withChange, type Call, type Field, type ParameterChange, type Principal } from '../call.ts';

/** The number of `access.v1.OutOfBounds`; the domain does not load generated code. */
const OUT_OF_BOUNDS_CLIP = 1;

/** A request names the longest answer by one of these; the rule on `max_tokens` holds for both. */
const LENGTH_NAMES: readonly string[] = ['max_completion_tokens', 'max_tokens'];

/** Of a request that names none, this is sent: servers that read only the other name are rarer than those that read only this. */
const LENGTH_NAME = 'max_tokens';

/** Bounds and default of one parameter of requests. */
export type ParameterRule = Pick<RuleMessage, 'id' | 'projectId' | 'model' | 'parameter' | 'min' | 'max' | 'default' | 'outOfBounds'>;

/** Rules, as the access service last told. */
export interface RuleSource {
  /** Those of an organisation; undefined when there are none. */
  parameterRules(organisationId: string): readonly ParameterRule[] | undefined;
}

/** Bounds and defaults, as the flow needs them. */
export interface Parameters {
  /**
   * The call as it may go on, with what was changed of it.
   *
   * @param modelName name of the model in the registry, which is not always what the client wrote
   * @throws ServiceError `invalid_value` that names the parameter and its bound
   */
  apply(principal: Principal, call: Call, modelName: string): Call;
}

export class ParameterRules implements Parameters {
  readonly #source: RuleSource;

  constructor(source: RuleSource) {
    this.#source = source;
  }

  apply({ organisationId, projectId }: Principal, call: Call, modelName: string): Call {
    const rules = this.#source.parameterRules(organisationId);
    return rules ? applyParameterRules(call, projectId, modelName, rules) : call;
  }
}

/** Applies of each parameter the most specific rule: project and model before project, before model, before everything. */
export function applyParameterRules(call: Call, projectId: string, modelName: string, rules: readonly ParameterRule[]): Call {
  let changed = call;
  for (const rule of mostSpecific(projectId, modelName, rules)) {
    changed = rule.parameter === 'n' ? applyToChoices(changed, rule) : applyToField(changed, rule);
  }
  return changed;
}

function mostSpecific(projectId: string, modelName: string, rules: readonly ParameterRule[]): Iterable<ParameterRule> {
  const chosen = new Map<string, ParameterRule>();
  for (const rule of rules) {
    if ((rule.projectId !== '' && rule.projectId !== projectId) || (rule.model !== '' && rule.model !== modelName)) continue;
    const known = chosen.get(rule.parameter);
    if (!known || rank(rule) > rank(known)) chosen.set(rule.parameter, rule);
  }
  return chosen.values();
}

function rank({ projectId, model }: ParameterRule): number {
  return (projectId === '' ? 0 : 2) + (model === '' ? 0 : 1);
}

function applyToChoices(call: Call, rule: ParameterRule): Call {
  const choices = bounded(call.choices, 'n', rule);
  return choices === call.choices ? call : withChange(call, { choices }, change('n', call.choices, choices, rule));
}

function applyToField(call: Call, rule: ParameterRule): Call {
  const names = rule.parameter === LENGTH_NAME ? LENGTH_NAMES : [rule.parameter];
  const at = call.fields.findIndex(({ name }) => names.includes(name));
  const given = call.fields[at];
  if (!given) {
    const value = absent(rule);
    return value === undefined ? call : withChange(call, { fields: [...call.fields, field(rule.parameter, value)] }, change(rule.parameter, undefined, value, rule));
  }
  const asked = Number(Buffer.from(given.json).toString());
  const value = bounded(asked, given.name, rule);
  return value === asked ? call : withChange(call, { fields: call.fields.with(at, field(given.name, value)) }, change(given.name, asked, value, rule));
}

/** An answer whose length was not asked for may take any, so the longest that may be asked for is its default. */
function absent({ parameter, default: value, max }: ParameterRule): number | undefined {
  return value ?? (parameter === LENGTH_NAME ? max : undefined);
}

function bounded(value: number, name: string, { min = -Infinity, max = Infinity, outOfBounds }: ParameterRule): number {
  const within = Math.min(Math.max(value, min), max);
  if (within === value || outOfBounds === OUT_OF_BOUNDS_CLIP) return within;
  const bound = value < min ? `at least ${min}` : `at most ${max}`;
  throw new ServiceError('invalid_value', `Invalid '${name}': ${bound} is allowed here, but got ${value} instead.`, { param: name });
}

/** Numbers as they were understood, not as they were written: a record that everybody may read has no room for a client's digits. */
function change(parameter: string, asked: number | undefined, sent: number, { id }: ParameterRule): ParameterChange {
  return { parameter, askedJson: asked === undefined ? '' : JSON.stringify(asked), sentJson: JSON.stringify(sent), ruleId: id };
}

function field(name: string, value: number): Field {
  return { name, json: Buffer.from(JSON.stringify(value)) };
}
