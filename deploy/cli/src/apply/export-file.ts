import { Document } from 'yaml';
import { FILE_VERSION, LIMIT_NAMES } from './platform-file.ts';
import type { Key, PlatformState } from './platform-state.ts';
import type { Level } from './plan/subjects.ts';

/** What a platform is, as a file that `apply` finds no difference in. */
export interface Exported {
  readonly text: string;
  /** What the file has no words for. */
  readonly unsaid: readonly string[];
}

const HEADER = ' What this platform is, without any secret: read by `sluice apply`, written by `sluice export`.';

/** Everything in one order, so that two files can be compared: by name, the rules of the filter by their age. */
export function exportFile(state: PlatformState): Exported {
  const unsaid: string[] = [];
  const value = {
    sluice: FILE_VERSION,
    organisation: { currency: state.currency, ...settingsOf(state, 'organisation', state.organisationId) },
    models: byName(state.models).map((model) => modelOf(state, model, unsaid)),
    projects: byName(state.projects).map(({ id, name, body_policy: bodies }) => ({
      name, bodies, ...settingsOf(state, 'project', id),
      keys: keysOf(state.keys.filter((key) => key.project_id === id), (key) => ({ ...(key.models.length > 0 && { models: key.models }), ...expiryOf(key), ...settingsOf(state, 'key', key.id) })),
    })),
    admin_keys: keysOf(state.keys.filter(({ kind }) => kind === 'admin'), (key) => ({ role: key.role, ...expiryOf(key) })),
    parameter_rules: state.parameterRules.map((rule) => parameterRuleOf(state, rule)).toSorted((a, b) => compare(JSON.stringify(a), JSON.stringify(b))),
    filter_rules: state.filterRules.map((rule) => filterRuleOf(state, rule)),
  };
  const document = new Document(value);
  document.commentBefore = HEADER;
  // Nothing is folded (a line of the file is a line of a difference), and nothing is written by reference.
  return { text: document.toString({ lineWidth: 0 }), unsaid };
}

function settingsOf(state: PlatformState, level: Level, id: string): object {
  const limits = state.limits.find((row) => row.level === level && row.id === id);
  const set = LIMIT_NAMES.flatMap((name) => (limits?.[name] ? [[name, limits[name]] as const] : []));
  const budget = state.budgets.find((row) => row.level === level && row.id === id);
  return { ...(set.length > 0 && { limits: Object.fromEntries(set) }), ...(budget && { budget: { amount: number(budget.amount), period: budget.period } }) };
}

/** With their ids only where names do not tell them apart. */
function keysOf(keys: readonly Key[], more: (key: Key) => object): object[] {
  return byName(keys).map((key) => ({ name: key.name, ...(keys.filter(({ name }) => name === key.name).length > 1 && { id: key.id }), ...more(key) }));
}

function expiryOf({ expires_at: expiresAt }: Key): object {
  return expiresAt === null ? {} : { expires_at: expiresAt };
}

type Model = PlatformState['models'][number];

function modelOf(state: PlatformState, model: Model, unsaid: string[]): object {
  const aliases = state.aliases.filter((one) => one.model === model.name).map(({ name }) => name).toSorted(compare);
  const price = state.prices.find((row) => row.model === model.name);
  const deployments = model.deployments.filter(({ state: condition }) => condition === 'active').flatMap((one, at) => deploymentOf(model, one, at, unsaid));
  return {
    name: model.name, ...(aliases.length > 0 && { aliases }), deployments,
    ...(price && { price: { input: number(price.input_nano), output: number(price.output_nano), cached_input: number(price.cached_input_nano), reasoning: number(price.reasoning_nano) } }),
  };
}

function deploymentOf({ name, versions }: Model, one: Model['deployments'][number], at: number, unsaid: string[]): object[] {
  if (one.protocol === 'openai') {
    return [{ openai: one.target, upstream_model: one.upstream_model, ...(one.placement === 'external' && { external: true }), ...(one.has_credential && { api_key_from: { env: variableFor(name, at) } }) }];
  }
  const digest = versions.find(({ id }) => id === one.version_id)?.digest;
  if (one.target === 'local' && digest !== undefined) return [{ digest }];
  if (one.protocol === 'kserve' && one.target !== 'local') return [{ kserve: one.target, upstream_model: one.upstream_model, ...(one.placement === 'external' && { external: true }), ...(one.managed && { load: true }) }];
  unsaid.push(`The model ${name} is answered by ${one.upstream_model} at ${one.target} (${one.protocol}): the file has no words for that.`);
  return [];
}

/** Where `apply` will look for the key of a server on a platform that has none yet: nobody can read the one that is there. */
function variableFor(model: string, at: number): string {
  const name = model.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
  return `${/^\d/.test(name) ? '_' : ''}${name}_API_KEY${at === 0 ? '' : `_${at + 1}`}`;
}

function parameterRuleOf(state: PlatformState, { parameter, project_id: projectId, model, min, max, default: value, on_violation }: PlatformState['parameterRules'][number]): object {
  return {
    parameter, ...projectOf(state, projectId), ...(model !== null && { model }),
    ...(min !== null && { min }), ...(max !== null && { max }), ...(value !== null && { default: value }), on_violation,
  };
}

function filterRuleOf(state: PlatformState, { title, kind, patterns, action, direction, project_id: projectId }: PlatformState['filterRules'][number]): object {
  const looksFor = kind === 'word' ? { words: patterns } : kind === 'regex' ? { regex: patterns[0] } : {};
  return { title, kind, ...looksFor, action, direction, ...projectOf(state, projectId) };
}

function projectOf({ projects }: PlatformState, projectId: string | null): object {
  return projectId === null ? {} : { project: projects.find(({ id }) => id === projectId)?.name ?? projectId };
}

/** A number where it is exact, digits where not. */
function number(nano: string): number | string {
  return Number.isSafeInteger(Number(nano)) ? Number(nano) : nano;
}

function byName<T extends { readonly name: string }>(things: readonly T[]): T[] {
  return things.toSorted((a, b) => compare(a.name, b.name));
}

/** By code units: the same order on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
