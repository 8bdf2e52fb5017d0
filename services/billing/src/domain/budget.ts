import type { Cap } from './account.ts';

export const LEVELS = ['organisation', 'project', 'key'] as const;
/** Where a budget can be set. */
export type BudgetLevel = (typeof LEVELS)[number];

/** What lies outside of a budget. */
export interface Outside {
  /** Above limited holds. */
  readonly overrunNano: bigint;
  /** Above holds that no budget limited. */
  readonly unheldNano: bigint;
}

/** What is on record of a subject on a day; what is unheld is part of what is spent. */
export interface DayRecord extends Outside {
  readonly spentNano: bigint;
}

/** A budget as it is stored. */
export interface Budget extends Cap {
  readonly organisationId: string;
  readonly level: BudgetLevel;
  /** Id of the organisation, project or key. */
  readonly subjectId: string;
  /** What was spent and held when it was set: as much is allowed in the period of `setDay`, if it is more than the amount. */
  readonly floorNano: bigint;
  readonly setDay: number;
  /** It has, or had, the period `none`: `sinceDay` and the baselines are of the moment when that was set first. */
  readonly isCounting: boolean;
  /** What lay outside on the first day before the budget was set; not counted, as its `baselineNano` is not. */
  readonly baselineOutside: Outside;
}

/** What a budget allows in the period of a day: its amount, or what was there when it was set below that. */
export function allowedNano({ amountNano, floorNano, setDay }: Budget, fromDay: number): bigint {
  return setDay >= fromDay && floorNano > amountNano ? floorNano : amountNano;
}
