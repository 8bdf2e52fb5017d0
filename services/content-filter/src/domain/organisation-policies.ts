import type { Policy } from './call/policy.ts';
import type { Compiler, RulesInForce } from './ports.ts';
import type { Rule } from './rule.ts';

/** The place of the rules that hold for every project. */
const EVERYWHERE = '';

export interface Part<Compiled> {
  /** Tells whether it was made of the same rules, which never change. */
  readonly ruleIds: string;
  readonly compiled: Compiled;
}

/** The policies of one organisation, of one version: one for projects without rules of their own, and one for each that has some. */
export interface OrganisationPolicies<Compiled> {
  readonly version: bigint;
  /** By id. */
  readonly rules: ReadonlyMap<string, Rule>;
  /** What was compiled, by project; taken over by the next version where no rule of it changed. */
  readonly parts: KnownParts<Compiled>;
  of(projectId: string): Policy;
}

/** What is compiled already: parts by place. */
export type KnownParts<Compiled> = ReadonlyMap<string, Part<Compiled>>;

/** The part that a rule would stand in, with the rule. */
export async function rehearsePart<Compiled>(
  compiler: Compiler<Compiled>, rule: Rule, inForce: ReadonlyMap<string, Rule>, before: KnownParts<Compiled>, signal: AbortSignal,
): Promise<[place: string, part: Part<Compiled>]> {
  const place = placeOf(rule);
  const here = [...[...inForce.values()].filter((other) => placeOf(other) === place), rule];
  return [place, { ruleIds: idsOf(here), compiled: await compiler.compile(here, before.get(place)?.compiled, signal) }];
}

/** Compiles what is not compiled already, place by place: the rules of a project beside those of the organisation. */
export async function compilePolicies<Compiled>(
  compiler: Compiler<Compiled>, { version, rules }: RulesInForce, before: KnownParts<Compiled> = new Map(), signal?: AbortSignal,
): Promise<OrganisationPolicies<Compiled>> {
  const parts = new Map<string, Part<Compiled>>();
  for (const [place, here] of byPlace(rules)) {
    const ruleIds = idsOf(here);
    const known = before.get(place);
    parts.set(place, known?.ruleIds === ruleIds ? known : { ruleIds, compiled: await compiler.compile(here, known?.compiled, signal) });
  }
  const everywhere = [...parts].flatMap(([place, { compiled }]) => (place === EVERYWHERE ? [compiled] : []));
  const usual = compiler.policy(version, everywhere);
  // Made when a call wants it: all of them in one go would keep everybody waiting.
  const policies = new Map<string, Policy>();
  const policyOf = (projectId: string): Policy => {
    const own = projectId === EVERYWHERE ? undefined : parts.get(projectId);
    if (!own) return usual;
    const policy = policies.get(projectId) ?? compiler.policy(version, [...everywhere, own.compiled]);
    policies.set(projectId, policy);
    return policy;
  };
  return { version, rules: new Map(rules.map((rule) => [rule.id, rule])), parts, of: policyOf };
}

function byPlace(rules: readonly Rule[]): ReadonlyMap<string, readonly Rule[]> {
  return Map.groupBy(rules, placeOf);
}

const placeOf = ({ projectId }: Rule): string => projectId ?? EVERYWHERE;
const idsOf = (rules: readonly Rule[]): string => rules.map(({ id }) => id).join();
