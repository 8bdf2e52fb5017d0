import type { Policy } from './call/policy.ts';
import type { Compiler, RulesInForce } from './ports.ts';
import type { Rule } from './rule.ts';

/** The place of the rules that hold for every project. */
const EVERYWHERE = '';

interface Part<Compiled> {
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
  readonly parts: ReadonlyMap<string, Part<Compiled>>;
  of(projectId: string): Policy;
}

/** Compiles what is not compiled already, place by place: the rules of a project beside those of the organisation. */
export async function compilePolicies<Compiled>(
  compiler: Compiler<Compiled>, { version, rules }: RulesInForce, before?: OrganisationPolicies<Compiled>,
): Promise<OrganisationPolicies<Compiled>> {
  const parts = new Map<string, Part<Compiled>>();
  for (const [place, here] of byPlace(rules)) {
    const ruleIds = here.map(({ id }) => id).join();
    const known = before?.parts.get(place);
    parts.set(place, known?.ruleIds === ruleIds ? known : { ruleIds, compiled: await compiler.compile(here, known?.compiled) });
  }
  const everywhere = [...parts].flatMap(([place, { compiled }]) => (place === EVERYWHERE ? [compiled] : []));
  const policies = new Map([...parts].map(([place, { compiled }]) => [place, compiler.policy(version, place === EVERYWHERE ? everywhere : [...everywhere, compiled])]));
  const usual = policies.get(EVERYWHERE) ?? compiler.policy(version, everywhere);
  return { version, rules: new Map(rules.map((rule) => [rule.id, rule])), parts, of: (projectId) => policies.get(projectId) ?? usual };
}

function byPlace(rules: readonly Rule[]): ReadonlyMap<string, readonly Rule[]> {
  return Map.groupBy(rules, ({ projectId }) => projectId ?? EVERYWHERE);
}
