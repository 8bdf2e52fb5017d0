import { newKey, revokedKey } from '../../platform-api/answers.ts';
import type { Path } from '../fault.ts';
import type { FileAdminKey, FileKey, FileProject } from '../platform-file.ts';
import type { Key, PlatformState } from '../platform-state.ts';
import type { Plan } from './plan.ts';
import { idOf, madeProject, type Ref, type Subject } from './subjects.ts';

type Wanted = FileKey | FileAdminKey;

/** Keys that could be meant: those of one project, or the admin keys. */
interface Place {
  /** ` of project research`, or empty. */
  readonly shown: string;
  readonly project: { readonly name: string; readonly ref: Ref } | null;
  readonly keys: readonly Key[];
  /** The list in the file. */
  readonly path: Path;
}

/** The keys of one project; gives what limits and budgets can be set for. */
export function planProjectKeys(plan: Plan, state: PlatformState, { project, ref, path, names }: { readonly project: FileProject; readonly ref: Ref; readonly path: Path; readonly names: ReadonlySet<string> }): Subject[] {
  const keys = 'id' in ref ? state.keys.filter(({ project_id: projectId }) => projectId === ref.id) : [];
  const place: Place = { shown: ` of project ${project.name}`, project: { name: project.name, ref }, keys, path: [...path, 'keys'] };
  return planKeys(plan, state, place, project.keys, (key: FileKey, now, at) => {
    const models = [...new Set(key.models ?? [])];
    if (now && !sameNames(models, now.models)) plan.fault([...at, 'models'], `the models of a key are not changed: ${now.id} is for ${now.models.join(', ') || 'every model'}. Revoke it and apply again, or give the new one another name`);
    if (!now) for (const [index, name] of models.entries()) if (!names.has(name)) plan.fault([...at, 'models', index], 'there is no model or alias of this name, here or at the platform', 'models');
    return { body: { kind: 'inference', models }, details: models.length > 0 ? [`models: ${models.join(', ')}`] : [] };
  });
}

/** The admin keys. */
export function planAdminKeys(plan: Plan, state: PlatformState, wanted: readonly FileAdminKey[] | undefined): void {
  const keys = state.keys.filter(({ kind }) => kind === 'admin');
  planKeys(plan, state, { shown: '', project: null, keys, path: ['admin_keys'] }, wanted, (key: FileAdminKey, now, at) => {
    if (now && now.role !== key.role) plan.fault([...at, 'role'], `the role of a key is not changed: ${now.id} is ${now.role ?? 'none'}. Revoke it and apply again, or give the new one another name`);
    return { body: { kind: 'admin', role: key.role }, details: [`role: ${key.role}`] };
  });
}

/** What else is to be said of a key, checked against the one there is. */
type Describe<K> = (key: K, now: Key | undefined, path: Path) => { readonly body: object; readonly details: readonly string[] };

function planKeys<K extends Wanted>(plan: Plan, state: PlatformState, place: Place, wanted: readonly K[] | undefined, describe: Describe<K>): Subject[] {
  const subjects: Subject[] = [];
  const met = new Set<string>();
  for (const [index, key] of (wanted ?? []).entries()) {
    const path = [...place.path, index];
    const found = findKey(plan, place.keys, wanted!, key, path);
    if (found === 'unclear') continue;
    if (found) met.add(found.id);
    if (found && time(key.expires_at) !== time(found.expires_at ?? undefined)) plan.fault([...path, 'expires_at'], `the end of a key is not changed: ${found.id} ends ${found.expires_at ?? 'never'}. Revoke it and apply again, or give the new one another name`);
    const { body, details } = describe(key, found, path);
    const made = `key ${key.name}${place.shown}`;
    if (!found) planNewKey(plan, place, key, path, { made, body, details });
    const { limits, budget } = 'role' in key ? { limits: undefined, budget: undefined } : key;
    subjects.push({ level: 'key', shown: made, ref: found ? { id: found.id } : { made }, path, limits, budget });
  }
  if (plan.prunes && wanted) place.keys.filter(({ id }) => !met.has(id)).forEach((key) => planRevocation(plan, state, key, place));
  return subjects;
}

/** By its id, else by its name; a fault where that is not one key. */
function findKey(plan: Plan, keys: readonly Key[], all: readonly Wanted[], wanted: Wanted, path: Path): Key | undefined | 'unclear' {
  if (wanted.id !== undefined) {
    const found = keys.find(({ id }) => id === wanted.id);
    if (found && found.name === wanted.name) return found;
    plan.fault([...path, 'id'], found ? `the key ${wanted.id} has the name ${found.name}, which is not changed` : 'there is no such key there; without the id a new one is made');
    return 'unclear';
  }
  const others = new Set(all.flatMap(({ id }) => id ?? []));
  const named = keys.filter(({ name, id }) => name === wanted.name && !others.has(id));
  if (named.length <= 1) return named[0];
  plan.fault([...path, 'name'], `${named.length} keys have this name; say which with id: ${named.map(({ id }) => id).join(', ')}`);
  return 'unclear';
}

function planNewKey(plan: Plan, { project }: Place, key: Wanted, path: Path, { made, body, details }: { readonly made: string; readonly body: object; readonly details: readonly string[] }): void {
  if (key.expires_at !== undefined && Date.parse(key.expires_at) <= Date.now()) plan.fault([...path, 'expires_at'], 'is in the past, and there is no such key yet');
  plan.add('keys', {
    sign: '+', what: project ? made : `admin ${made}`, details: [...details, ...(key.expires_at ? [`expires_at: ${key.expires_at}`] : [])],
    run: async (doing) => {
      const asked = { ...body, name: key.name, ...(project && { project_id: idOf(project.ref, doing) }), ...(key.expires_at && { expires_at: key.expires_at }) };
      const answer = await doing.api.send('POST', '/keys', newKey, asked, doing.signal);
      doing.keepKey({ id: answer.id, name: key.name, project: project?.name ?? null, secret: answer.secret });
      doing.made.set(made, answer.id);
    },
  });
}

function planRevocation(plan: Plan, state: PlatformState, key: Key, place: Place): void {
  if (key.id === state.ownKeyId) return plan.note(`The admin key ${key.name} (${key.id}) is the one in use: it stays.`);
  plan.add('remove keys', {
    sign: '-', what: `${place.project ? '' : 'admin '}key ${key.name}${place.shown}`, details: [`${key.id} is revoked`],
    run: async ({ api, signal }) => api.send('DELETE', `/keys/${encodeURIComponent(key.id)}`, revokedKey, undefined, signal),
  });
}

/** The reference of a project that is there, or that a step makes. */
export function projectRef(state: PlatformState, name: string): Ref {
  const known = state.projects.find((project) => project.name === name);
  return known ? { id: known.id } : { made: madeProject(name) };
}

function time(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join('\n') === b.toSorted().join('\n');
}
