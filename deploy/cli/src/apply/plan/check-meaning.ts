import type { Fault, Path } from '../fault.ts';
import type { FileDeployment, FileFilterRule, FileKey, FileParameterRule, PlatformFile } from '../platform-file.ts';
import type { PlatformState } from '../platform-state.ts';
import { serverAddress } from '../sources.ts';
import { modelNameFault, nameFault } from './owners-checks.ts';

/** What the platform takes of each parameter. */
const PARAMETERS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  temperature: [0, 2], top_p: [0, 1], max_tokens: [1, 2 ** 31 - 1], n: [1, 128], presence_penalty: [-2, 2], frequency_penalty: [-2, 2],
};
const WHOLE = new Set(['max_tokens', 'n']);

/** What no type tells: things that stand twice, names that mean nothing, members that do not go together. */
export function checkMeaning(file: PlatformFile, state: Pick<PlatformState, 'projects'>): Fault[] {
  const projects = new Set([...state.projects, ...(file.projects ?? [])].map(({ name }) => name));
  const unknownProject = ({ project }: { project?: string | undefined }, path: Path): Fault[] =>
    project === undefined || projects.has(project) ? [] : [{ path: [...path, 'project'], message: 'there is no project of this name, here or at the platform', needs: 'projects' }];
  const parameterRules = file.parameter_rules ?? [];
  const filterRules = file.filter_rules ?? [];
  return [
    ...checkModels(file),
    ...checkNames(file),
    ...twice((file.projects ?? []).map(({ name }, at) => [name, ['projects', at, 'name']])),
    ...(file.projects ?? []).flatMap(({ keys }, at) => checkKeys(keys ?? [], ['projects', at, 'keys'])),
    ...checkKeys(file.admin_keys ?? [], ['admin_keys']),
    ...parameterRules.flatMap((rule, at) => [...checkParameterRule(rule, ['parameter_rules', at]), ...unknownProject(rule, ['parameter_rules', at])]),
    ...twice(parameterRules.map(({ parameter, project, model }, at) => [JSON.stringify([parameter, project, model]), ['parameter_rules', at]])),
    ...filterRules.flatMap((rule, at) => [...checkFilterRule(rule, ['filter_rules', at]), ...unknownProject(rule, ['filter_rules', at])]),
    ...twice(filterRules.map(({ title: _, ...rule }, at) => [JSON.stringify([rule.kind, rule.action, rule.direction, rule.project, rule.words, rule.words_file, rule.regex]), ['filter_rules', at]])),
  ];
}

/** What the owners of models, projects and keys take for a name. */
function checkNames({ models = [], projects = [], admin_keys: adminKeys = [] }: PlatformFile): Fault[] {
  const check = (fault: (name: string) => string | undefined, name: string, path: Path): Fault[] => {
    const message = fault(name);
    return message === undefined ? [] : [{ path, message }];
  };
  const keyNames = (keys: readonly { readonly name: string }[], path: Path): Fault[] => keys.flatMap(({ name }, at) => check(nameFault, name, [...path, at, 'name']));
  return [
    ...models.flatMap(({ name, aliases = [] }, at) => [...check(modelNameFault, name, ['models', at, 'name']), ...aliases.flatMap((alias, index) => check(modelNameFault, alias, ['models', at, 'aliases', index]))]),
    ...projects.flatMap(({ name, keys = [] }, at) => [...check(nameFault, name, ['projects', at, 'name']), ...keyNames(keys, ['projects', at, 'keys'])]),
    ...keyNames(adminKeys, ['admin_keys']),
  ];
}

/** Each second of two that are the same. */
function twice(found: readonly (readonly [same: string, path: Path])[]): Fault[] {
  const met = new Set<string>();
  return found.flatMap(([same, path]) => {
    if (met.has(same)) return [{ path, message: 'stands here for the second time' }];
    met.add(same);
    return [];
  });
}

function checkModels({ models = [] }: PlatformFile): Fault[] {
  const names = models.flatMap(({ name, aliases = [] }, at) => [[name, ['models', at, 'name']] as const, ...aliases.map((alias, index) => [alias, ['models', at, 'aliases', index]] as const)]);
  const deployments = models.flatMap(({ deployments: all = [] }, at) => all.flatMap((one, index) => checkDeployment(one, ['models', at, 'deployments', index])));
  const places = models.flatMap(({ name, deployments: all = [] }, at) =>
    all.map((one, index) => [JSON.stringify([name, one.openai && (serverAddress(one.openai) ?? one.openai), (one.openai ?? one.kserve) && (one.upstream_model ?? name), one.kserve?.toLowerCase(), one.digest, one.gguf]), ['models', at, 'deployments', index]] as const));
  return [...twice(names), ...twice(places), ...deployments];
}

/** What else may be said of each kind of deployment. */
const OWN = { openai: ['upstream_model', 'external', 'api_key_from'], kserve: ['upstream_model', 'external', 'load'], gguf: [] as string[] };

function checkDeployment(one: FileDeployment, path: Path): Fault[] {
  const isLocal = one.gguf !== undefined || one.digest !== undefined;
  const kinds = [one.openai !== undefined, one.kserve !== undefined, isLocal].filter(Boolean);
  if (kinds.length !== 1) return [{ path, message: 'must have one of openai, kserve, and gguf with or without digest' }];
  const foreign = (['upstream_model', 'external', 'api_key_from', 'load'] as const).filter((member) => one[member] !== undefined && !OWN[isLocal ? 'gguf' : one.openai === undefined ? 'kserve' : 'openai'].includes(member));
  const sources = one.api_key_from;
  const wrongSource = sources && (sources.env === undefined) === (sources.file === undefined) ? [{ path: [...path, 'api_key_from'], message: 'must have one of env and file' }] : [];
  return [...foreign.map((member) => ({ path: [...path, member], message: `goes with ${Object.keys(OWN).filter((kind) => OWN[kind as keyof typeof OWN].includes(member)).join(' and ')} alone` })), ...wrongSource];
}

/** Keys of one name are told apart by their ids. */
function checkKeys(keys: readonly Pick<FileKey, 'id' | 'name'>[], path: Path): Fault[] {
  const ids = keys.flatMap(({ id }, at) => (id === undefined ? [] : [[id, [...path, at, 'id']] as const]));
  const names = keys.flatMap(({ id, name }, at) => (id === undefined ? [[name, [...path, at, 'name']] as const] : []));
  return [...twice(ids), ...twice(names)];
}

function checkParameterRule({ parameter, min, max, default: value }: FileParameterRule, path: Path): Fault[] {
  const range = Object.hasOwn(PARAMETERS, parameter) ? PARAMETERS[parameter] : undefined;
  if (!range) return [{ path: [...path, 'parameter'], message: `must be one of ${Object.keys(PARAMETERS).join(', ')}` }];
  const bounds = (['min', 'max', 'default'] as const).flatMap((name) => {
    const bound = { min, max, default: value }[name];
    if (bound === undefined || (bound >= range[0] && bound <= range[1] && (Number.isInteger(bound) || !WHOLE.has(parameter)))) return [];
    return [{ path: [...path, name], message: `must be a ${WHOLE.has(parameter) ? 'whole ' : ''}number from ${range[0]} to ${range[1]} for ${parameter}` }];
  });
  const outside = value !== undefined && (value < (min ?? value) || value > (max ?? value)) ? [{ path: [...path, 'default'], message: 'lies outside of min and max' }] : [];
  const many = parameter === 'n' && value !== undefined ? [{ path: [...path, 'default'], message: 'means nothing for n: who asks for no number of choices asks for one' }] : [];
  const empty = min === undefined && max === undefined && value === undefined ? [{ path, message: 'must have at least one of min, max and default' }] : [];
  const crossed = min !== undefined && max !== undefined && min > max ? [{ path: [...path, 'min'], message: 'is larger than max' }] : [];
  return [...bounds, ...outside, ...many, ...empty, ...crossed];
}

function checkFilterRule(rule: FileFilterRule, path: Path): Fault[] {
  const given = (['words', 'words_file', 'regex'] as const).filter((member) => rule[member] !== undefined);
  const allowed: readonly string[] = rule.kind === 'word' ? ['words', 'words_file'] : rule.kind === 'regex' ? ['regex'] : [];
  const foreign = given.filter((member) => !allowed.includes(member)).map((member) => ({ path: [...path, member], message: `does not go with the kind ${rule.kind}` }));
  const fitting = given.filter((member) => allowed.includes(member));
  const missing = allowed.length > 0 && fitting.length !== 1 ? [{ path, message: `must have ${allowed.length > 1 ? 'one of words and words_file' : 'regex'}` }] : [];
  const empty = [...(rule.words ?? []).entries()].filter(([, word]) => word.trim() === '').map(([at]) => ({ path: [...path, 'words', at], message: 'is empty' }));
  const none = rule.words?.length === 0 ? [{ path: [...path, 'words'], message: 'holds no word' }] : [];
  const allow = rule.action === 'allow' && rule.kind !== 'word' ? [{ path: [...path, 'action'], message: 'only words can be allowed' }] : [];
  return [...foreign, ...missing, ...empty, ...none, ...allow];
}
