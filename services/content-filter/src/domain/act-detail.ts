import type { AdminAct } from '@sluice/events';
import type { RuleHead } from './rule.ts';

/** What the record of an act tells of a rule: never a pattern of it. */
export function detailOf({ kind, action, direction, title, projectId, patternCount }: RuleHead): AdminAct['detail'] {
  return { action, direction, kind, pattern_count: patternCount, title, ...(projectId === undefined ? {} : { project_id: projectId }) };
}
