import { createHash } from 'node:crypto';
import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { charactersOf, checkRule, MAX_CHARACTERS, type GivenRule } from './check-rule.ts';
import type { Administration, Compiler, RuleState } from './ports.ts';
import { detailOf, type Rule } from './rule.ts';

/** A change reads the heads of all rules of the organisation again. */
export const MAX_RULES = 1_000;
/** All patterns of an organisation: twice the longest list. Every process that filters holds the automata of all of them. */
export const MAX_PATTERNS = 200_000;
/** All regular expressions of an organisation, with their counts written out: a character may cost a look at each part, and each takes up to 2 KB of every process. `[a-z]{1,200}` has 400. */
export const MAX_EXPRESSION_PARTS = 10_000;
/** Every process holds automata of its own for each project that has rules. */
export const MAX_PROJECTS = 200;
/** For all that comes before a rule is kept: who may, the wait for a turn, compiling it. A request of an administrator has 15 s. */
const PREPARATION_LIMIT_MS = 9_000;

export interface ChangedRule<R> {
  readonly rule: R;
  readonly version: bigint;
}

/** What a rule looks for, as one text: a pattern a line. */
export function patternText(patterns: readonly string[]): string {
  return patterns.join('\n');
}

/**
 * Adds a rule to an organisation, or to one of its projects where `projectId` is not empty. Every process
 * that filters hears of it. Errors: `invalid_value`, `not_found`, `already_exists`, `failed_precondition`,
 * `insufficient_permissions`, `access_unavailable`, `content_filter_unavailable`, `overloaded` when others keep the filter busy; then nothing was changed.
 */
export async function addRule(administration: Administration, actor: Actor, projectId: string, given: GivenRule): Promise<ChangedRule<Rule>> {
  const { permissions, compiler, rehearsals, clock, ids } = administration;
  const untilMs = clock.monotonicMs() + PREPARATION_LIMIT_MS;
  const content = checkRule(given);
  await permissions.require(actor, 'filter.change');
  // A rule of a mistyped project would look at nothing.
  if (projectId !== '' && !(await permissions.hasProject(actor.organisationId, projectId))) throw new ServiceError('not_found', 'There is no such project.', { param: 'project_id' });
  const rule: Rule = {
    ...content, id: ids.next('rule'), organisationId: actor.organisationId, projectId: projectId === '' ? undefined : projectId,
    patternCount: content.patterns.length, createdAtMs: clock.wallMs(),
  };
  // What cannot be looked for is refused before it is kept.
  await compiler.refuseUnfit(rule);
  const hasTitle = given.title.trim() !== '';
  const forget = await rehearsals.rehearse(rule, untilMs, async (signal) => {
    if (hasTitle) await refuseTelltaleTitle(compiler, rule, signal);
  });
  try {
    const version = await kept(administration, actor, rule);
    forget(version);
    return { rule, version };
  } catch (thrown) {
    forget();
    throw thrown;
  }
}

function kept({ acts, compiler }: Administration, actor: Actor, rule: Rule): Promise<bigint> {
  const digest = createHash('sha256').update(patternText(rule.patterns)).digest();
  return acts.act(actor.organisationId, async (state) => {
    await refuseTooMuch(state, rule, digest);
    if (rule.kind === 'regex') await refuseTooManyParts(state, compiler, rule);
    await state.addRule(rule, digest);
    await state.record({ actor, action: 'filter.rule_added', object: `filter_rule:${rule.id}`, atMs: rule.createdAtMs, detail: { ...detailOf(rule), digest: `sha256:${digest.toString('hex')}` } });
    return state.version;
  });
}

/** Everyone is told a title. The default ones say nothing. */
async function refuseTelltaleTitle(compiler: Compiler, rule: Rule, signal: AbortSignal): Promise<void> {
  const title = (await compiler.alone(rule, signal)).open('in');
  const matches = [...title.push(rule.title).matches, ...title.end().matches];
  if (matches.length > 0) throw new ServiceError('invalid_value', 'Invalid `title`: whoever is refused is told it, and it holds what the rule looks for.', { param: 'title' });
}

async function refuseTooMuch(state: RuleState, rule: Rule, digest: Uint8Array): Promise<void> {
  const same = await state.same(rule, digest);
  if (same !== undefined) throw new ServiceError('already_exists', `The rule ${same} does the same already.`, { param: 'patterns' });
  const { rules, patterns, characters, projects } = await state.totals();
  const full = (what: string): ServiceError => new ServiceError('failed_precondition', `An organisation has at most ${what}; remove a rule first.`);
  if (rules >= MAX_RULES) throw full(`${MAX_RULES} rules`);
  if (patterns + rule.patternCount > MAX_PATTERNS) throw full(`${MAX_PATTERNS} words`);
  const own = rule.kind === 'word' ? charactersOf(rule.patterns) : 0;
  if (own > 0 && characters + own > MAX_CHARACTERS) {
    const why = `the words of an organisation have at most ${MAX_CHARACTERS} characters together; these have ${own}, and those in force have ${characters}`;
    throw new ServiceError('failed_precondition', `There is no room for the words: ${why}. Leave some out, or remove a rule first.`, { param: 'patterns' });
  }
  if (rule.projectId !== undefined && !projects.includes(rule.projectId) && projects.length >= MAX_PROJECTS) throw full(`${MAX_PROJECTS} projects with rules of their own`);
}

async function refuseTooManyParts(state: RuleState, compiler: Compiler, { patterns }: Rule): Promise<void> {
  const [own, others] = [await compiler.partsOf(patterns), await compiler.partsOf(await state.expressions())];
  if (own + others <= MAX_EXPRESSION_PARTS) return;
  const why = `with their counts written out, the regular expressions of an organisation have at most ${MAX_EXPRESSION_PARTS} parts; this one has ${own}, and those in force have ${others}`;
  throw new ServiceError('failed_precondition', `The regular expression is too large: ${why}. Use smaller counts, or remove a rule first.`, { param: 'patterns' });
}
