import type { Action, Direction, Kind, Rule, RuleHead } from '../domain/rule.ts';

/** Columns of a rule without its patterns, which may be long. */
export const HEAD_COLUMNS = 'id, organisation_id, project_id, kind, pattern_count, action, direction, title, created_at_ms';

export interface HeadRow {
  id: string;
  organisation_id: string;
  project_id: string | null;
  kind: Kind;
  pattern_count: number;
  action: Action;
  direction: Direction;
  title: string;
  created_at_ms: bigint;
}

export interface RuleRow extends HeadRow {
  patterns: string;
}

export function headOf(row: HeadRow): RuleHead {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    projectId: row.project_id ?? undefined,
    kind: row.kind,
    patternCount: row.pattern_count,
    action: row.action,
    direction: row.direction,
    title: row.title,
    createdAtMs: Number(row.created_at_ms),
  };
}

export function ruleOf(row: RuleRow): Rule {
  return { ...headOf(row), patterns: linesOf(row.patterns, row.pattern_count) };
}

/** The patterns of a rule, which are kept and told as one text. */
export function linesOf(patterns: string, count: number): readonly string[] {
  return count === 0 ? [] : patterns.split('\n');
}
