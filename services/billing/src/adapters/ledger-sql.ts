import type { SqlTransaction } from '@sluice/sql';
import type { Posting } from '../domain/ledger.ts';
import { idArray, numberArray, textArray } from './array-literal.ts';

/** Adds a posting to the ledger and its projections, in one statement: a round trip costs more than what it writes. */
export async function writePosting(transaction: SqlTransaction, posting: Posting, nowMs: number): Promise<void> {
  if (posting.items.length === 0) return;
  await transaction.query(ADD, [nowMs, ...PARTS.flatMap(({ columns }) => columns.map(({ write }) => write(posting)))]);
}

interface Column {
  readonly name: string;
  readonly type: 'uuid' | 'text' | 'bigint' | 'numeric';
  readonly write: (posting: Posting) => string;
}

/** What goes into one table. */
interface Part {
  readonly table: string;
  readonly columns: readonly Column[];
  /** Columns that are added to a row that is there. */
  readonly sums: readonly string[];
  readonly key: string;
}

/** What adds up over calls without a bound (migration 0003). */
const SUMS = new Set(['amount_nano', 'spent_nano', 'overrun_nano', 'unheld_nano', 'cost_nano']);

type Rows<Row> = (posting: Posting) => readonly Row[];

function columnsOf<Row>(rows: Rows<Row>, ids: Readonly<Record<string, (row: Row) => string>>, texts: Readonly<Record<string, (row: Row) => string>>, numbers: Readonly<Record<string, (row: Row) => bigint | number>>): Column[] {
  return [
    ...Object.entries(ids).map(([name, read]): Column => ({ name, type: 'uuid', write: (posting) => idArray(rows(posting).map(read)) })),
    ...Object.entries(texts).map(([name, read]): Column => ({ name, type: 'text', write: (posting) => textArray(rows(posting).map(read)) })),
    ...Object.entries(numbers).map(([name, read]): Column => ({ name, type: SUMS.has(name) ? 'numeric' : 'bigint', write: (posting) => numberArray(rows(posting).map(read)) })),
  ];
}

const PARTS: readonly Part[] = [
  {
    table: 'ledger_transaction', key: '', sums: [],
    columns: columnsOf((posting) => posting.transactions, { id: ({ id }) => id }, {
      organisation_id: ({ organisationId }) => organisationId, project_id: ({ projectId }) => projectId, key_id: ({ keyId }) => keyId,
      model: ({ model }) => model, price_id: ({ priceId }) => priceId,
    }, { day: ({ day }) => day }),
  },
  {
    table: 'entry', key: '', sums: [],
    columns: columnsOf((posting) => posting.entries, { transaction_id: ({ transactionId }) => transactionId }, {
      organisation_id: ({ organisationId }) => organisationId, kind: ({ kind }) => kind, currency: ({ currency }) => currency,
    }, { amount_nano: ({ amountNano }) => amountNano }),
  },
  {
    table: 'item', key: '', sums: [],
    columns: columnsOf((posting) => posting.items, { call_id: ({ call }) => call.callId, transaction_id: ({ transactionId }) => transactionId }, {}, {
      input_tokens: ({ call }) => call.counts.inputTokens, cached_input_tokens: ({ call }) => call.counts.cachedInputTokens,
      output_tokens: ({ call }) => call.counts.outputTokens, reasoning_tokens: ({ call }) => call.counts.reasoningTokens,
      cost_nano: ({ call }) => call.costNano, overrun_nano: ({ call }) => call.overrunNano, unheld_nano: ({ call }) => call.unheldNano,
    }),
  },
  {
    table: 'spend_day', key: 'level, subject_id, day', sums: ['spent_nano', 'overrun_nano', 'unheld_nano'],
    columns: columnsOf((posting) => posting.spendDays, {}, { level: ({ level }) => level, subject_id: ({ subjectId }) => subjectId, organisation_id: ({ organisationId }) => organisationId }, {
      day: ({ day }) => day, spent_nano: ({ spentNano }) => spentNano, overrun_nano: ({ overrunNano }) => overrunNano, unheld_nano: ({ unheldNano }) => unheldNano,
    }),
  },
  {
    table: 'usage_day', key: 'organisation_id, day, project_id, key_id, model',
    sums: ['calls', 'input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens', 'cost_nano', 'overrun_nano'],
    columns: columnsOf((posting) => posting.usageDays, {}, { organisation_id: ({ organisationId }) => organisationId, project_id: ({ projectId }) => projectId, key_id: ({ keyId }) => keyId, model: ({ model }) => model }, {
      day: ({ day }) => day, calls: ({ calls }) => calls, input_tokens: ({ inputTokens }) => inputTokens, cached_input_tokens: ({ cachedInputTokens }) => cachedInputTokens,
      output_tokens: ({ outputTokens }) => outputTokens, reasoning_tokens: ({ reasoningTokens }) => reasoningTokens, cost_nano: ({ costNano }) => costNano, overrun_nano: ({ overrunNano }) => overrunNano,
    }),
  },
];

const ADD = { name: 'billing_add_posting', text: addText() };

/** `$1` is the time of booking; the columns of the parts follow, an array each. Keys and the balance are checked at the end of the statement. */
function addText(): string {
  let parameter = 1;
  const inserts = PARTS.map(({ table, columns, sums, key }) => {
    const names = columns.map(({ name }) => name).join(', ');
    const arrays = columns.map(({ type }) => `$${++parameter}::${type}[]`).join(', ');
    const booked = table === 'ledger_transaction';
    const conflict = sums.length === 0 ? '' : ` ON CONFLICT (${key}) DO UPDATE SET ${sums.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ')}`;
    return `add_${table} AS (INSERT INTO ${table} (${names}${booked ? ', booked_at_ms' : ''}) SELECT given.*${booked ? ', $1::bigint' : ''} FROM unnest(${arrays}) AS given${conflict})`;
  });
  const organisations = 1 + PARTS[0]!.columns.length + PARTS[1]!.columns.findIndex(({ name }) => name === 'organisation_id') + 1;
  const accounts = `add_account AS (INSERT INTO account (organisation_id, kind)
    SELECT DISTINCT organisation_id, kind FROM unnest($${organisations}::text[]) AS given (organisation_id) CROSS JOIN (VALUES ('usage'), ('overrun'), ('revenue')) AS kinds (kind) ON CONFLICT DO NOTHING)`;
  return `WITH ${[accounts, ...inserts].join(',\n')} SELECT`;
}
