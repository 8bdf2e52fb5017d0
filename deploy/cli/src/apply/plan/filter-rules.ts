import { deleted, filterRule as ruleAnswer } from '../../platform-api/answers.ts';
import type { Path } from '../fault.ts';
import type { FileFilterRule } from '../platform-file.ts';
import type { FilterRule, PlatformState } from '../platform-state.ts';
import type { Sources } from '../sources.ts';
import { projectRef } from './keys.ts';
import { filterRuleFaults } from './owners-checks.ts';
import { change, type Doing, type Plan } from './plan.ts';
import { idOf, type Ref } from './subjects.ts';

/** A rule of the file, with what it looks for. */
interface Wanted {
  readonly rule: FileFilterRule;
  readonly patterns: readonly string[];
  readonly project: Ref | undefined;
  readonly path: Path;
}

/**
 * Rules of the filter. They have no names and are never changed: one that is there word for word is left, one whose title alone
 * differs, or that has the same title, kind and place as one that differs otherwise, is replaced, and any other is added.
 */
export function planFilterRules(plan: Plan, state: PlatformState, rules: readonly FileFilterRule[] | undefined, sources: Sources): void {
  const wanted = (rules ?? []).flatMap((rule, index) => wantedOf(plan, state, rule, { path: ['filter_rules', index], sources }));
  const [open, left] = withoutPairs(wanted, state.filterRules, (one, now) => isSame(one, now) && hasTitle(one, now));
  const [changed, kept] = withoutPairs(open, left, isSame, (one, now) => planReplacement(plan, one, now, [change('title', now.title, one.rule.title ?? now.title)], 'before'));
  const [added, others] = withoutPairs(changed, kept, (one, now) => isAlone(one, now, changed, kept), (one, now) => planReplacement(plan, one, now, differences(one, now), 'after'));
  for (const one of added) plan.add('filter rules', { sign: '+', what: shown(one.rule), details: one.patterns.length > 0 ? [lookedFor(one.patterns)] : [], run: async (doing) => add(one, doing) });
  if (!plan.prunes || !rules) return;
  for (const now of others) plan.add('remove filter rules', { sign: '-', what: `rule ${now.title} (${now.action} ${now.kind}, ${now.direction})`, details: [now.id], run: async (doing) => remove(now, doing) });
}

function wantedOf(plan: Plan, state: PlatformState, rule: FileFilterRule, { path, sources }: { readonly path: Path; readonly sources: Sources }): Wanted[] {
  const project = rule.project === undefined ? undefined : projectRef(state, rule.project);
  const listed = rule.words_file === undefined ? { words: rule.words ?? (rule.regex === undefined ? [] : [rule.regex]) } : sources.words(rule.words_file);
  if ('fault' in listed) {
    plan.fault([...path, 'words_file'], listed.fault);
    return [];
  }
  // As the platform keeps them.
  const patterns = rule.kind === 'word' ? [...new Set(listed.words.map((word) => word.trim()))] : listed.words;
  // Of one that makes no sense nothing else can be said.
  if (!plan.isFaulty(path)) for (const fault of filterRuleFaults(rule, patterns)) plan.fault([...path, ...fault.path], fault.message);
  return [{ rule, patterns, project, path }];
}

type Pairing = (one: Wanted, now: FilterRule) => boolean;

/** Takes out each rule of the file with the first rule of the platform that goes with it. */
function withoutPairs(wanted: readonly Wanted[], there: readonly FilterRule[], goTogether: Pairing, onPair?: (one: Wanted, now: FilterRule) => void): [Wanted[], FilterRule[]] {
  const left = [...there];
  const open = wanted.filter((one) => {
    const at = left.findIndex((now) => goTogether(one, now));
    if (at < 0) return true;
    onPair?.(one, left[at]!);
    left.splice(at, 1);
    return false;
  });
  return [open, left];
}

/** What the platform takes for the same rule. */
function isSame(one: Wanted, now: FilterRule): boolean {
  const { rule, patterns } = one;
  return hasPlace(one, now) && rule.kind === now.kind && rule.action === now.action && rule.direction === now.direction && samePatterns(patterns, now.patterns);
}

function hasPlace({ project }: Wanted, now: FilterRule): boolean {
  return project === undefined ? now.project_id === null : 'id' in project && project.id === now.project_id;
}

/** A rule without a title in the file may have any. */
function hasTitle({ rule }: Wanted, now: FilterRule): boolean {
  return rule.title === undefined || rule.title.trim() === now.title;
}

/** The one rule with this title, on both sides. */
function isAlone(one: Wanted, now: FilterRule, wanted: readonly Wanted[], there: readonly FilterRule[]): boolean {
  const goes = (a: Wanted, b: FilterRule): boolean => a.rule.title !== undefined && hasTitle(a, b) && hasPlace(a, b) && a.rule.kind === b.kind;
  return goes(one, now) && wanted.filter((other) => goes(other, now)).length === 1 && there.filter((other) => goes(one, other)).length === 1;
}

function samePatterns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.toSorted().join('\n') === b.toSorted().join('\n');
}

function differences({ rule, patterns }: Wanted, now: FilterRule): string[] {
  const words = samePatterns(patterns, now.patterns) ? [] : [`${change('looks for', lookedFor(now.patterns), lookedFor(patterns))}, ${newAmong(patterns, now.patterns)} of them new`];
  return [...(['action', 'direction'] as const).filter((member) => rule[member] !== now[member]).map((member) => change(member, now[member], rule[member])), ...words];
}

/**
 * The new rule is in force before the old one goes. Where only the title differs the platform takes the new one for the old one:
 * there the old one goes first, and for a moment neither is in force.
 */
function planReplacement(plan: Plan, one: Wanted, now: FilterRule, details: readonly string[], oldGoes: 'before' | 'after'): void {
  plan.add('filter rules', {
    sign: '~', what: shown(one.rule), details,
    run: async (doing) => {
      if (oldGoes === 'before') await remove(now, doing);
      await add(one, doing);
      if (oldGoes === 'after') await remove(now, doing);
    },
  });
}

async function add({ rule, patterns, project }: Wanted, doing: Doing): Promise<void> {
  const { kind, action, direction, title } = rule;
  const body = { kind, patterns, action, direction, ...(title !== undefined && { title }), ...(project && { project_id: idOf(project, doing) }) };
  await doing.api.send('POST', '/filter/rules', ruleAnswer, body, doing.signal);
}

async function remove({ id }: FilterRule, { api, signal }: Doing): Promise<void> {
  await api.send('DELETE', `/filter/rules/${encodeURIComponent(id)}`, deleted, undefined, signal);
}

function shown({ title, action, kind, direction, project }: FileFilterRule): string {
  return `rule ${title === undefined ? '' : `${title} `}(${action} ${kind}, ${direction}${project === undefined ? '' : `, in project ${project}`})`;
}

function newAmong(patterns: readonly string[], before: readonly string[]): number {
  const known = new Set(before);
  return patterns.filter((one) => !known.has(one)).length;
}

/** By its count: words that are not to be said are not for a screen either. */
function lookedFor(patterns: readonly string[]): string {
  return patterns.length === 1 ? '1 pattern' : `${patterns.length} patterns`;
}
