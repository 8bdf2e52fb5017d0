import type { Clock, Ids } from '@sluice/clock';
import type { AdminAct } from '@sluice/events';
import type { AccessPermissions } from '@sluice/permissions';
import type { Budget, BudgetLevel, DayRecord } from './budget.ts';
import type { BudgetBook } from './budget-book.ts';
import type { Price } from './money.ts';
import type { PriceList } from './price-list.ts';

/** One organisation's prices and budgets as one act sees and changes them; the act is the only one there until it ends. */
export interface BillingState {
  latestPrice(model: string): Promise<Price | undefined>;
  addPrice(price: Price): Promise<void>;
  /** True once there is a price, a budget or an entry in the ledger: amounts without a currency of their own. */
  hasMoney(): Promise<boolean>;
  setCurrency(currency: string): Promise<void>;
  budget(level: BudgetLevel, subjectId: string): Promise<Budget | undefined>;
  countBudgets(): Promise<number>;
  putBudget(budget: Budget): Promise<void>;
  deleteBudget(budget: Budget): Promise<void>;
  recordOf(level: BudgetLevel, subjectId: string, day: number): Promise<DayRecord>;
  /** Leaves with the act, for the audit. `follow` is told once, when that is known, whether the act is durable: memory follows then. */
  record(act: AdminAct, follow: (isDurable: boolean) => void): Promise<void>;
}

/** Where acts happen. */
export interface Acts {
  /** Runs one act: what it writes and what it records commits together, or nothing of it. Its effect has happened when it resolves. */
  act<T>(organisationId: string, work: (state: BillingState) => Promise<T>): Promise<T>;
}

/** Who may act, and on what there is; answered by access. */
export type Permissions = Pick<AccessPermissions, 'require' | 'hasProject' | 'hasInferenceKey'>;

/** What every act needs. */
export interface Administration {
  readonly acts: Acts;
  readonly permissions: Permissions;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly book: BudgetBook;
  readonly prices: PriceList;
}
