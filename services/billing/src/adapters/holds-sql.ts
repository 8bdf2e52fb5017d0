import type { SqlTransaction } from '@sluice/sql';
import type { Epoch } from '../domain/hold.ts';
import type { Fact, OpenCall } from '../domain/call.ts';
import type { Known, Plan } from '../domain/take-in.ts';
import { booleanArray, idArray, numberArray, textArray } from './array-literal.ts';

interface HoldRow {
  readonly call_id: string;
  readonly organisation_id: string;
  readonly project_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly producer: string;
  readonly epoch: bigint;
  readonly day: bigint;
  readonly price_id: string;
  readonly currency: string;
  readonly input_nano: bigint;
  readonly cached_input_nano: bigint;
  readonly output_nano: bigint;
  readonly reasoning_nano: bigint;
  readonly amount_nano: bigint;
  readonly limited: boolean;
  readonly held_output_tokens: bigint;
  readonly input_tokens: bigint;
  readonly cached_input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly reasoning_tokens: bigint;
}

/**
 * What is known of the calls that a batch names, and of the open calls of epochs that it closes. `remembered` are open
 * calls as the tables have them; of others, which began before the start or never, the tables are asked.
 */
export async function readKnown(transaction: SqlTransaction, facts: readonly Fact[], remembered: ReadonlyMap<string, OpenCall>): Promise<Known> {
  const begun = new Set<string>();
  const others = new Set<string>();
  const open: OpenCall[] = [];
  for (const fact of facts) {
    if (fact.kind === 'closed') open.push(...(await readOpenOf(transaction, fact)));
    else if (fact.kind === 'admitted') begun.add(fact.call.callId);
    else if (fact.kind !== 'unreadable' && !begun.has(fact.callId)) others.add(fact.callId);
  }
  const known = begun.size === 0 ? [] : await transaction.query<{ call_id: string; is_open: boolean }>(READ_KNOWN, [idArray([...begun])]);
  // What begins for the second time is no beginning, and goes on.
  for (const { call_id, is_open } of known) if (is_open) others.add(call_id);
  for (const { callId } of open) others.delete(callId);
  const unknown: string[] = [];
  for (const callId of others) {
    const call = remembered.get(callId);
    if (call) open.push(call);
    else unknown.push(callId);
  }
  if (unknown.length > 0) open.push(...(await transaction.query<HoldRow>(READ_OPEN, [idArray(unknown)])).map(callOf));
  return { open, billed: new Set(known.filter(({ is_open }) => !is_open).map(({ call_id }) => call_id)) };
}

function readOpenOf(transaction: SqlTransaction, { producer, epoch }: Epoch): Promise<OpenCall[]> {
  return transaction.query<HoldRow>(READ_EPOCH, [producer, epoch]).then((rows) => rows.map(callOf));
}

/** Every open call. */
export async function readOpen(transaction: SqlTransaction): Promise<OpenCall[]> {
  return (await transaction.query<HoldRow>(`SELECT ${COLUMNS} FROM open_hold`)).map(callOf);
}

/** Writes what a plan says of open calls and closed epochs. */
export async function writeHolds(transaction: SqlTransaction, { opened, changed, ended, closed }: Plan): Promise<void> {
  if (opened.length > 0) await transaction.query(OPEN, [...factColumns(opened), ...figureColumns(opened)]);
  if (changed.length > 0) await transaction.query(CHANGE, [idArray(changed.map(({ callId }) => callId)), ...figureColumns(changed)]);
  if (ended.length > 0) await transaction.query(FORGET, [idArray(ended)]);
  for (const { producer, epoch } of closed) await transaction.query(CLOSE, [producer, epoch]);
}

function factColumns(calls: readonly OpenCall[]): string[] {
  const texts = (read: (call: OpenCall) => string): string => textArray(calls.map(read));
  const numbers = (read: (call: OpenCall) => number | bigint): string => numberArray(calls.map(read));
  return [
    idArray(calls.map(({ callId }) => callId)), texts((call) => call.organisationId), texts((call) => call.projectId), texts((call) => call.keyId), texts((call) => call.model),
    texts((call) => call.producer), numbers((call) => call.epoch), numbers((call) => call.day), texts((call) => call.price.id), texts((call) => call.price.currency),
    numbers((call) => call.price.inputNano), numbers((call) => call.price.cachedInputNano), numbers((call) => call.price.outputNano), numbers((call) => call.price.reasoningNano),
  ];
}

function figureColumns(calls: readonly OpenCall[]): string[] {
  const numbers = (read: (call: OpenCall) => bigint): string => numberArray(calls.map(read));
  return [
    numbers((call) => call.amountNano), booleanArray(calls.map(({ limited }) => limited)), numbers((call) => call.outputTokens),
    numbers((call) => call.counts.inputTokens), numbers((call) => call.counts.cachedInputTokens), numbers((call) => call.counts.outputTokens), numbers((call) => call.counts.reasoningTokens),
  ];
}

function callOf(row: HoldRow): OpenCall {
  return {
    callId: row.call_id, organisationId: row.organisation_id, projectId: row.project_id, keyId: row.key_id, model: row.model, producer: row.producer, epoch: row.epoch, day: Number(row.day),
    price: {
      id: row.price_id, model: row.model, currency: row.currency, validFromMs: 0,
      inputNano: row.input_nano, cachedInputNano: row.cached_input_nano, outputNano: row.output_nano, reasoningNano: row.reasoning_nano,
    },
    amountNano: row.amount_nano, limited: row.limited, outputTokens: row.held_output_tokens,
    counts: { inputTokens: row.input_tokens, cachedInputTokens: row.cached_input_tokens, outputTokens: row.output_tokens, reasoningTokens: row.reasoning_tokens },
  };
}

const FIGURES = ['amount_nano', 'limited', 'held_output_tokens', 'input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens'];
const GIVEN = ['organisation_id', 'project_id', 'key_id', 'model', 'producer', 'epoch', 'day', 'price_id', 'currency', 'input_nano', 'cached_input_nano', 'output_nano', 'reasoning_nano', ...FIGURES];
const COLUMNS = `replace(call_id::text, '-', '') AS call_id, ${GIVEN.join(', ')}`;
const READ_OPEN = { name: 'billing_read_open', text: `SELECT ${COLUMNS} FROM open_hold WHERE call_id = ANY ($1::uuid[])` };
const READ_EPOCH = { name: 'billing_read_epoch', text: `SELECT ${COLUMNS} FROM open_hold WHERE producer = $1 AND epoch <= $2` };
const READ_KNOWN = {
  name: 'billing_read_known',
  text: `SELECT replace(call_id::text, '-', '') AS call_id, is_open FROM (
    SELECT call_id, false AS is_open FROM item WHERE call_id = ANY ($1::uuid[]) UNION ALL SELECT call_id, true FROM open_hold WHERE call_id = ANY ($1::uuid[])) known`,
};
const OPEN = {
  name: 'billing_open',
  text: `INSERT INTO open_hold (call_id, ${GIVEN.join(', ')})
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[], $10::text[],
      $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::boolean[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[])`,
};
const CHANGE = {
  name: 'billing_change',
  text: `UPDATE open_hold SET ${FIGURES.map((name) => `${name} = given.${name}`).join(', ')}
    FROM unnest($1::uuid[], $2::bigint[], $3::boolean[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) AS given (call_id, ${FIGURES.join(', ')})
    WHERE open_hold.call_id = given.call_id`,
};
const FORGET = { name: 'billing_forget_open', text: 'DELETE FROM open_hold WHERE call_id = ANY ($1::uuid[])' };
const CLOSE = {
  name: 'billing_close_epoch',
  text: 'INSERT INTO closed_epoch (producer, epoch) VALUES ($1, $2) ON CONFLICT (producer) DO UPDATE SET epoch = greatest(closed_epoch.epoch, excluded.epoch)',
};
