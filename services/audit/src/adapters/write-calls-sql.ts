import type { SqlTransaction } from '@sluice/sql';
import { NO_COUNTS, type EndStatus, type OpenCall } from '../domain/call.ts';
import type { CutBy } from '../domain/cut-by.ts';
import type { EndedCall, Plan } from '../domain/integrate.ts';
import { booleanArray, hexArray, idArray, numberArray, textArray } from './array-literal.ts';

/** Writes the calls of a plan in a handful of statements, however many there are. `firstLeaf` is the index of the plan's first leaf. */
export async function writeCalls(transaction: SqlTransaction, { newCalls, changedCalls, parts }: Plan, firstLeaf: bigint): Promise<void> {
  if (newCalls.length > 0) await transaction.query(INSERT_CALLS, newCallColumns(newCalls, firstLeaf));
  const ended = changedCalls.filter(({ end }) => end !== undefined);
  if (ended.length > 0) {
    const ids = idArray(ended.map(({ call }) => call.callId));
    await transaction.query(END_CALLS, [ids, ...endColumns(ended, firstLeaf)]);
    await transaction.query({ name: 'audit_forget_open', text: 'DELETE FROM open_call WHERE call_id = ANY ($1::uuid[])' }, [ids]);
  }
  const open = [...newCalls, ...changedCalls].filter(({ end }) => end === undefined).map(({ call }) => call);
  if (open.length > 0) await transaction.query(PUT_OPEN_CALLS, openColumns(open));
  if (parts.length > 0) {
    await transaction.query(INSERT_PARTS, [
      idArray(parts.map(({ callId }) => callId)), textArray(parts.map(({ producer }) => producer)), numberArray(parts.map(({ epoch }) => epoch)),
      numberArray(parts.map(({ seqs }) => seqs[0])), textArray(parts.map(({ seqs }) => numberArray(seqs))),
    ]);
  }
}

type EndedRow = { readonly call: OpenCall; readonly end: EndedCall | undefined; readonly saltSeed: Uint8Array | undefined };

/** Columns of an end; for a call that runs, those of its start. */
function endColumns(rows: readonly EndedRow[], firstLeaf: bigint): string[] {
  const column = <T>(read: (end: EndedCall) => T, running: T): T[] => rows.map(({ end }) => (end ? read(end) : running));
  const counts = column((end) => end.counts, NO_COUNTS);
  return [
    textArray(column<EndStatus | 'running'>(({ status }) => status, 'running')), numberArray(column(({ endedAtMs }) => endedAtMs, 0n)),
    textArray(column(({ errorCode }) => errorCode, '')), numberArray(column(({ httpStatus }) => httpStatus, 0)),
    numberArray(counts.map(({ inputTokens }) => inputTokens)), numberArray(counts.map(({ outputTokens }) => outputTokens)),
    numberArray(counts.map(({ cachedInputTokens }) => cachedInputTokens)), numberArray(counts.map(({ reasoningTokens }) => reasoningTokens)), booleanArray(counts.map(({ estimated }) => estimated)),
    numberArray(column(({ outputBytes }) => outputBytes, 0n)), textArray(column(({ versionId }) => versionId, '')), textArray(column(({ deploymentId }) => deploymentId, '')),
    numberArray(column(({ durationMs }) => durationMs, 0)), numberArray(column(({ firstOutputMs }) => firstOutputMs, 0)), numberArray(column(({ costNano }) => costNano, 0n)),
    numberArray(column<bigint | undefined>(({ leaf }) => firstLeaf + BigInt(leaf), undefined)),
    hexArray(rows.map(({ call, saltSeed }) => (saltSeed ? call.outputChain : undefined))), hexArray(rows.map(({ saltSeed }) => saltSeed)),
    textArray(column<CutBy>((end) => end.cutBy, '')), numberArray(column((end) => end.overrunNano, 0n)),
  ];
}

function newCallColumns(rows: Plan['newCalls'], firstLeaf: bigint): string[] {
  return [
    idArray(rows.map(({ call }) => call.callId)), ...endColumns(rows, firstLeaf),
    textArray(rows.map(({ call }) => call.organisationId)), textArray(rows.map(({ call }) => call.projectId)), textArray(rows.map(({ call }) => call.keyId)), textArray(rows.map(({ call }) => call.model)),
    booleanArray(rows.map(({ stream }) => stream)), numberArray(rows.map(({ admittedAtMs }) => admittedAtMs)),
    textArray(rows.map(({ call }) => call.producer)), numberArray(rows.map(({ call }) => call.epoch)), textArray(rows.map(({ seqs }) => numberArray(seqs))),
  ];
}

function openColumns(calls: readonly OpenCall[]): string[] {
  return [
    idArray(calls.map(({ callId }) => callId)), textArray(calls.map(({ producer }) => producer)), numberArray(calls.map(({ epoch }) => epoch)), numberArray(calls.map(({ lastSeq }) => lastSeq)),
    numberArray(calls.map(({ counts }) => counts.inputTokens)), numberArray(calls.map(({ counts }) => counts.outputTokens)),
    numberArray(calls.map(({ counts }) => counts.cachedInputTokens)), numberArray(calls.map(({ counts }) => counts.reasoningTokens)), booleanArray(calls.map(({ counts }) => counts.estimated)),
    numberArray(calls.map(({ outputBytes }) => outputBytes)), hexArray(calls.map(({ outputChain }) => outputChain)),
    textArray(calls.map(({ prices: { inputNano, cachedInputNano, outputNano, reasoningNano } }) => numberArray([inputNano, cachedInputNano, outputNano, reasoningNano]))),
    numberArray(calls.map(({ hold }) => (hold.limited ? hold.amountNano : undefined))),
  ];
}

const END_COLUMNS = [
  'status', 'ended_at_ms', 'error_code', 'http_status', 'input_tokens', 'output_tokens', 'cached_input_tokens', 'reasoning_tokens', 'estimated',
  'output_bytes', 'version_id', 'deployment_id', 'duration_ms', 'first_output_ms', 'cost_nano', 'leaf_index', 'output_chain', 'salt_seed', 'cut_by', 'overrun_nano',
];
const END_ARRAYS = `$2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[],
  $11::bigint[], $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[], $19::text[], $20::text[], $21::bigint[]`;
const NEW_COLUMNS = ['organisation_id', 'project_id', 'key_id', 'model', 'stream', 'admitted_at_ms', 'producer', 'epoch', 'seqs'];
const OPEN_COLUMNS = ['last_seq', 'input_tokens', 'output_tokens', 'cached_input_tokens', 'reasoning_tokens', 'estimated', 'output_bytes', 'output_chain', 'prices', 'held_nano'];

/** What travels as text because it stands in an array: bytes in hexadecimal, and arrays. */
const READ_AS: Readonly<Record<string, (column: string) => string>> = {
  output_chain: (column) => `decode(${column}, 'hex')`,
  salt_seed: (column) => `decode(${column}, 'hex')`,
  seqs: (column) => `${column}::bigint[]`,
  prices: (column) => `${column}::bigint[]`,
};
const valueOf = (name: string): string => READ_AS[name]?.(`given.${name}`) ?? `given.${name}`;
const valuesOf = (names: readonly string[]): string => names.map(valueOf).join(', ');

const INSERT_CALLS = {
  name: 'audit_insert_calls',
  text: `INSERT INTO call (call_id, ${END_COLUMNS.join(', ')}, ${NEW_COLUMNS.join(', ')})
    SELECT given.call_id, ${valuesOf(END_COLUMNS)}, ${valuesOf(NEW_COLUMNS)}
    FROM unnest($1::uuid[], ${END_ARRAYS}, $22::text[], $23::text[], $24::text[], $25::text[], $26::boolean[], $27::bigint[], $28::text[], $29::bigint[], $30::text[])
      AS given (call_id, ${END_COLUMNS.join(', ')}, ${NEW_COLUMNS.join(', ')})`,
};

const END_CALLS = {
  name: 'audit_end_calls',
  text: `UPDATE call SET ${END_COLUMNS.map((name) => `${name} = ${valueOf(name)}`).join(', ')}
    FROM unnest($1::uuid[], ${END_ARRAYS}) AS given (call_id, ${END_COLUMNS.join(', ')}) WHERE call.call_id = given.call_id`,
};

const PUT_OPEN_CALLS = {
  name: 'audit_put_open_calls',
  text: `INSERT INTO open_call (call_id, producer, epoch, ${OPEN_COLUMNS.join(', ')})
    SELECT given.call_id, given.producer, given.epoch, ${valuesOf(OPEN_COLUMNS)}
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::boolean[], $10::bigint[], $11::text[], $12::text[], $13::bigint[])
      AS given (call_id, producer, epoch, ${OPEN_COLUMNS.join(', ')})
    ON CONFLICT (call_id) DO UPDATE SET ${OPEN_COLUMNS.map((name) => `${name} = excluded.${name}`).join(', ')}`,
};

const INSERT_PARTS = {
  name: 'audit_insert_parts',
  text: `INSERT INTO call_part (call_id, producer, epoch, first_seq, seqs) SELECT call_id, producer, epoch, first_seq, seqs::bigint[]
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[]) AS given (call_id, producer, epoch, first_seq, seqs)`,
};
