import { ServiceError } from '@sluice/errors';
import type { BillingService } from '@sluice/proto/billing/v1/billing';
import type { Implementation } from '@sluice/rpc';
import type { SqlQuery } from '@sluice/sql';

/** Items of one answer. */
const MAX_ITEMS = 1_000;
const CALL_ID = /^[0-9a-f]{32}$/;
const FIRST_ID = '0'.repeat(32);
const LAST_ID = 'f'.repeat(32);

interface ItemRow {
  readonly call_id: string;
  readonly transaction_id: string;
  readonly project_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly input_tokens: bigint;
  readonly cached_input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly reasoning_tokens: bigint;
  readonly cost_nano: bigint;
  readonly overrun_nano: bigint;
}

/** What each call of an organisation was billed, page by page. Errors: `invalid_value`. */
export function listItems(sql: SqlQuery): Implementation<typeof BillingService>['listLedgerItems'] {
  return async ({ organisationId, afterCallId, sinceMs, untilMs, limit }) => {
    if (afterCallId !== '' && !CALL_ID.test(afterCallId)) throw new ServiceError('invalid_value', '`after` must be the id of a call.', { param: 'after_call_id' });
    const most = Math.min(limit || MAX_ITEMS, MAX_ITEMS);
    const rows = await sql.query<ItemRow>(
      `SELECT replace(i.call_id::text, '-', '') AS call_id, i.transaction_id, t.project_id, t.key_id, t.model,
         i.input_tokens, i.cached_input_tokens, i.output_tokens, i.reasoning_tokens, i.cost_nano, i.overrun_nano
       FROM item i JOIN ledger_transaction t ON t.id = i.transaction_id
       WHERE t.organisation_id = $1 AND i.call_id > $2 AND i.call_id >= $3 AND i.call_id < $4 ORDER BY i.call_id LIMIT $5`,
      [organisationId, afterCallId || FIRST_ID, firstIdOf(sinceMs), untilMs === 0n ? LAST_ID : firstIdOf(untilMs), most + 1],
    );
    return { items: rows.slice(0, most).map(itemMessage), hasMore: rows.length > most };
  };
}

/** The lowest id that a call which begins at this time can have: a UUID begins with its milliseconds (RFC 9562, section 5.7). */
function firstIdOf(ms: bigint): string {
  return ms.toString(16).padStart(12, '0').padEnd(32, '0');
}

function itemMessage(row: ItemRow) {
  return {
    callId: row.call_id, transactionId: row.transaction_id, projectId: row.project_id, keyId: row.key_id, model: row.model, inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens, outputTokens: row.output_tokens, reasoningTokens: row.reasoning_tokens, costNano: row.cost_nano, overrunNano: row.overrun_nano,
  };
}
