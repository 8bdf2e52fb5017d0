import type { Sql } from '@sluice/sql';
import { pruningEntry } from '../domain/acts.ts';
import { monthsToPrune, type Month } from '../domain/retention.ts';
import { appendLeaves } from './log-sql.ts';
import { dropMonth, keptMonths } from './segments-sql.ts';

/** Removes the sealed bodies of months whose retention is over, a leaf for each; returns the months. Proofs stay. */
export async function pruneBodies(sql: Sql, retentionDays: number, nowMs: number): Promise<readonly Month[]> {
  const months = monthsToPrune(await keptMonths(sql), retentionDays, nowMs);
  for (const month of months) {
    await sql.transaction(async (transaction) => {
      await dropMonth(transaction, month);
      const leaf = await appendLeaves(transaction, [pruningEntry(month.endMs, nowMs)]);
      // A month can come back when a segment is consumed very late, and is then removed a second time.
      await transaction.query(
        'INSERT INTO pruning (before_ms, pruned_at_ms, leaf_index) VALUES ($1, $2, $3) ON CONFLICT (before_ms) DO NOTHING',
        [month.endMs, Math.trunc(nowMs), leaf],
      );
    });
  }
  return months;
}
