import type { SqlTransaction } from '@sluice/sql';
import type { Posting } from '../domain/ledger.ts';
import { idArray, numberArray, textArray } from './array-literal.ts';

/** Adds a posting to the ledger and its projections, in as many statements as there are tables. */
export async function writePosting(transaction: SqlTransaction, posting: Posting, nowMs: number): Promise<void> {
  const { transactions, entries, items } = posting;
  if (items.length === 0) return;
  await transaction.query(ADD_ACCOUNTS, [textArray([...new Set(entries.map(({ organisationId }) => organisationId))])]);
  await transaction.query(ADD_TRANSACTIONS, [
    idArray(transactions.map(({ id }) => id)), textArray(transactions.map(({ organisationId }) => organisationId)), textArray(transactions.map(({ projectId }) => projectId)),
    textArray(transactions.map(({ keyId }) => keyId)), textArray(transactions.map(({ model }) => model)), textArray(transactions.map(({ priceId }) => priceId)),
    numberArray(transactions.map(({ day }) => day)), nowMs,
  ]);
  if (entries.length > 0) {
    await transaction.query(ADD_ENTRIES, [
      idArray(entries.map(({ transactionId }) => transactionId)), textArray(entries.map(({ organisationId }) => organisationId)), textArray(entries.map(({ kind }) => kind)),
      textArray(entries.map(({ currency }) => currency)), numberArray(entries.map(({ amountNano }) => amountNano)),
    ]);
  }
  const calls = items.map(({ call }) => call);
  await transaction.query(ADD_ITEMS, [
    idArray(calls.map(({ callId }) => callId)), idArray(items.map(({ transactionId }) => transactionId)),
    numberArray(calls.map(({ counts }) => counts.inputTokens)), numberArray(calls.map(({ counts }) => counts.cachedInputTokens)),
    numberArray(calls.map(({ counts }) => counts.outputTokens)), numberArray(calls.map(({ counts }) => counts.reasoningTokens)),
    numberArray(calls.map(({ costNano }) => costNano)), numberArray(calls.map(({ overrunNano }) => overrunNano)), numberArray(calls.map(({ unheldNano }) => unheldNano)),
  ]);
  await writeProjections(transaction, posting);
}

async function writeProjections(transaction: SqlTransaction, { spendDays, usageDays }: Posting): Promise<void> {
  await transaction.query(ADD_SPEND, [
    textArray(spendDays.map(({ level }) => level)), textArray(spendDays.map(({ subjectId }) => subjectId)), numberArray(spendDays.map(({ day }) => day)),
    textArray(spendDays.map(({ organisationId }) => organisationId)), numberArray(spendDays.map(({ spentNano }) => spentNano)),
    numberArray(spendDays.map(({ overrunNano }) => overrunNano)), numberArray(spendDays.map(({ unheldNano }) => unheldNano)),
  ]);
  await transaction.query(ADD_USAGE, [
    textArray(usageDays.map(({ organisationId }) => organisationId)), numberArray(usageDays.map(({ day }) => day)), textArray(usageDays.map(({ projectId }) => projectId)),
    textArray(usageDays.map(({ keyId }) => keyId)), textArray(usageDays.map(({ model }) => model)), numberArray(usageDays.map(({ calls }) => calls)),
    numberArray(usageDays.map(({ counts }) => counts.inputTokens)), numberArray(usageDays.map(({ counts }) => counts.cachedInputTokens)),
    numberArray(usageDays.map(({ counts }) => counts.outputTokens)), numberArray(usageDays.map(({ counts }) => counts.reasoningTokens)),
    numberArray(usageDays.map(({ costNano }) => costNano)), numberArray(usageDays.map(({ overrunNano }) => overrunNano)),
  ]);
}

const ADD_ACCOUNTS = {
  name: 'billing_add_accounts',
  text: `INSERT INTO account (organisation_id, kind) SELECT * FROM unnest($1::text[]) AS given (organisation_id) CROSS JOIN (VALUES ('usage'), ('overrun'), ('revenue')) AS kinds (kind) ON CONFLICT DO NOTHING`,
};
const ADD_TRANSACTIONS = {
  name: 'billing_add_transactions',
  text: `INSERT INTO ledger_transaction (id, organisation_id, project_id, key_id, model, price_id, day, booked_at_ms)
    SELECT given.*, $8::bigint FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[]) AS given`,
};
const ADD_ENTRIES = {
  name: 'billing_add_entries',
  text: `INSERT INTO entry (transaction_id, organisation_id, kind, currency, amount_nano) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[])`,
};
const ADD_ITEMS = {
  name: 'billing_add_items',
  text: `INSERT INTO item (call_id, transaction_id, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nano, overrun_nano, unheld_nano)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])`,
};
const SPENT = ['spent_nano', 'overrun_nano', 'unheld_nano'];
const ADD_SPEND = {
  name: 'billing_add_spend',
  text: `INSERT INTO spend_day (level, subject_id, day, organisation_id, ${SPENT.join(', ')})
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
    ON CONFLICT (level, subject_id, day) DO UPDATE SET ${SPENT.map((name) => `${name} = spend_day.${name} + excluded.${name}`).join(', ')}`,
};
const USED = ['calls', 'input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens', 'cost_nano', 'overrun_nano'];
const ADD_USAGE = {
  name: 'billing_add_usage',
  text: `INSERT INTO usage_day (organisation_id, day, project_id, key_id, model, ${USED.join(', ')})
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
    ON CONFLICT (organisation_id, day, project_id, key_id, model) DO UPDATE SET ${USED.map((name) => `${name} = usage_day.${name} + excluded.${name}`).join(', ')}`,
};
