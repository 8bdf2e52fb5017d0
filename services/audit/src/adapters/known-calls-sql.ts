import type { SqlTransaction } from '@sluice/sql';
import { NO_HOLD, type Item, type OpenCall } from '../domain/call.ts';
import type { Known } from '../domain/integrate.ts';
import { idArray } from './array-literal.ts';
import { readEnds } from './epoch-ends-sql.ts';

interface KnownRow {
  readonly call_id: string;
  readonly is_open: boolean;
  readonly organisation_id: string;
  readonly project_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly producer: string;
  readonly epoch: bigint;
  readonly admitted_at_ms: bigint;
  readonly last_seq: bigint;
  readonly input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly cached_input_tokens: bigint;
  readonly reasoning_tokens: bigint;
  readonly estimated: boolean;
  readonly output_bytes: bigint;
  readonly output_chain: Buffer;
  /** Null: no budget limits it. */
  readonly held_nano: bigint | null;
  readonly prices: readonly [input: string, cachedInput: string, output: string, reasoning: string] | null;
}

/** Reads what is known of the calls that a batch names, and of all open calls of the epochs that it closes. */
export async function readKnown(transaction: SqlTransaction, items: readonly Item[]): Promise<Known> {
  const ids = new Set(items.flatMap((item) => (item.kind === 'segment' ? item.facts.map(({ callId }) => callId) : [])).filter((id) => CALL_ID.test(id)));
  const rows = await transaction.query<KnownRow>(READ_KNOWN, [idArray([...ids])]);
  const closed = items.flatMap((item) => (item.kind === 'closed' ? [item.place] : []));
  for (const { producer, epoch } of closed) {
    rows.push(...(await transaction.query<KnownRow>(READ_EPOCH, [producer, epoch])).filter(({ call_id }) => !ids.has(call_id)));
  }
  return {
    open: rows.filter(({ is_open }) => is_open).map(openCallOf),
    ended: new Set(rows.filter(({ is_open }) => !is_open).map(({ call_id }) => call_id)),
    ends: await readEnds(transaction, closed),
  };
}

const CALL_ID = /^[0-9a-f]{32}$/;
const KNOWN_COLUMNS = `replace(c.call_id::text, '-', '') AS call_id, o.call_id IS NOT NULL AS is_open, c.organisation_id, c.project_id, c.key_id, c.model, c.producer, c.epoch, c.admitted_at_ms,
  o.last_seq, o.input_tokens, o.output_tokens, o.cached_input_tokens, o.reasoning_tokens, o.estimated, o.output_bytes, o.output_chain, o.held_nano, o.prices::text[] AS prices`;
/** Looks each id up by itself: a plan for all at once, made while the table was small, reads all of it for as long as it is kept. */
const READ_KNOWN = {
  name: 'audit_read_known',
  text: `SELECT ${KNOWN_COLUMNS} FROM unnest($1::uuid[]) AS given (id)
    CROSS JOIN LATERAL (SELECT * FROM call WHERE call_id = given.id LIMIT 1) c LEFT JOIN open_call o USING (call_id)`,
};
const READ_EPOCH = { name: 'audit_read_epoch', text: `SELECT ${KNOWN_COLUMNS} FROM open_call o JOIN call c USING (call_id) WHERE o.producer = $1 AND o.epoch = $2 ORDER BY c.call_id` };

function openCallOf(row: KnownRow): OpenCall {
  const [inputNano, cachedInputNano, outputNano, reasoningNano] = (row.prices ?? [0, 0, 0, 0]).map(BigInt) as [bigint, bigint, bigint, bigint];
  return {
    prices: { inputNano, cachedInputNano, outputNano, reasoningNano }, hold: row.held_nano === null ? NO_HOLD : { amountNano: row.held_nano, limited: true },
    callId: row.call_id, organisationId: row.organisation_id, projectId: row.project_id, keyId: row.key_id, model: row.model,
    producer: row.producer, epoch: row.epoch, admittedAtMs: row.admitted_at_ms, lastSeq: row.last_seq, outputBytes: row.output_bytes, outputChain: row.output_chain,
    counts: { inputTokens: row.input_tokens, outputTokens: row.output_tokens, cachedInputTokens: row.cached_input_tokens, reasoningTokens: row.reasoning_tokens, estimated: row.estimated },
  };
}
