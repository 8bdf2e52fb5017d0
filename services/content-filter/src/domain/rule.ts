import type { AdminAct } from '@sluice/events';

export const PII_TYPES = ['email', 'phone', 'cn_id', 'bank_card', 'credit_card', 'iban', 'ip', 'uscc'] as const;
export type PiiType = (typeof PII_TYPES)[number];

/** What a rule looks for: words, one regular expression, or personal data of one type. */
export type Kind = 'word' | 'regex' | `pii:${PiiType}`;

/** `allow`: words that no other rule matches inside of. */
export type Action = 'block' | 'mask' | 'flag' | 'allow';
export type Direction = 'in' | 'out' | 'both';

/** What a rule says, whoever it is for. */
export interface RuleContent {
  readonly kind: Kind;
  /** Words, or one regular expression; empty for personal data. */
  readonly patterns: readonly string[];
  readonly action: Action;
  readonly direction: Direction;
  /** What whoever is refused is told; public. */
  readonly title: string;
}

/** A rule as it is listed: without the patterns of a long list. */
export interface RuleHead extends Omit<RuleContent, 'patterns'> {
  readonly id: string;
  readonly organisationId: string;
  /** Undefined: every project of the organisation. */
  readonly projectId: string | undefined;
  readonly patternCount: number;
  readonly createdAtMs: number;
}

export interface Rule extends RuleHead, RuleContent {}

/** The type of personal data that a kind names. */
export function piiTypeOf(kind: Kind): PiiType | undefined {
  return PII_TYPES.find((type) => kind === `pii:${type}`);
}

export function isKind(text: string): text is Kind {
  return text === 'word' || text === 'regex' || piiTypeOf(text as Kind) !== undefined;
}

/** What the record of an act tells of a rule: never a pattern of it. */
export function detailOf({ kind, action, direction, title, projectId, patternCount }: RuleHead): AdminAct['detail'] {
  return { action, direction, kind, pattern_count: patternCount, title, ...(projectId === undefined ? {} : { project_id: projectId }) };
}
