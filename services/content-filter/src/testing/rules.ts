import type { Rule } from '../domain/rule.ts';

/** A rule of the organisation `org` that blocks the word of its id. */
export function rule(id: string, more: Partial<Rule> = {}): Rule {
  return {
    id, organisationId: 'org', projectId: undefined, kind: 'word', patterns: [id], patternCount: 1, action: 'block', direction: 'both', title: 'keyword rule', createdAtMs: 0, ...more,
  };
}
