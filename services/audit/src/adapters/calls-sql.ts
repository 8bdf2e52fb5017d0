import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CallSummary, CallSummarySchema, ListCallsRequest } from '@sluice/proto/audit/v1/audit';
import type { Sql } from '@sluice/sql';

/** A call of the index, and where its records lie. */
export interface IndexedCall {
  readonly summary: MessageInitShape<typeof CallSummarySchema> & Pick<CallSummary, 'callId' | 'organisationId' | 'projectId' | 'keyId' | 'model' | 'status'>;
  readonly producer: string;
  readonly epoch: bigint;
  readonly seqs: readonly bigint[];
  /** Index of its leaf; undefined while it runs. */
  readonly leafIndex: bigint | undefined;
  /** Of an abandoned call: what its leaf was made from. */
  readonly abandoned: { readonly outputChain: Buffer; readonly saltSeed: Buffer } | undefined;
}

interface CallRow {
  readonly call_id: string;
  readonly organisation_id: string;
  readonly project_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly stream: boolean;
  readonly admitted_at_ms: bigint;
  readonly ended_at_ms: bigint;
  readonly status: string;
  readonly error_code: string;
  readonly http_status: bigint;
  readonly input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly cached_input_tokens: bigint;
  readonly reasoning_tokens: bigint;
  readonly estimated: boolean;
  readonly output_bytes: bigint;
  readonly version_id: string;
  readonly deployment_id: string;
  readonly duration_ms: bigint;
  readonly first_output_ms: bigint;
  readonly cost_nano: bigint;
  readonly overrun_nano: bigint;
  readonly cut_by: string | null;
  readonly leaf_index: bigint | null;
  readonly producer: string;
  readonly epoch: bigint;
  readonly output_chain: Buffer | null;
  readonly salt_seed: Buffer | null;
}

/** A running call shows the figures it has so far. */
const COLUMNS = `replace(c.call_id::text, '-', '') AS call_id, c.organisation_id, c.project_id, c.key_id, c.model, c.stream, c.admitted_at_ms, c.ended_at_ms, c.status, c.error_code, c.http_status,
  coalesce(o.input_tokens, c.input_tokens) AS input_tokens, coalesce(o.output_tokens, c.output_tokens) AS output_tokens,
  coalesce(o.cached_input_tokens, c.cached_input_tokens) AS cached_input_tokens, coalesce(o.reasoning_tokens, c.reasoning_tokens) AS reasoning_tokens,
  coalesce(o.estimated, c.estimated) AS estimated, coalesce(o.output_bytes, c.output_bytes) AS output_bytes,
  c.version_id, c.deployment_id, c.duration_ms, c.first_output_ms, c.cost_nano, c.overrun_nano, c.cut_by, c.leaf_index, c.producer, c.epoch, c.output_chain, c.salt_seed`;

const CALL_ID = /^[0-9a-f]{32}$/;

/** Calls of one organisation, newest first; one more than `limit` when there are more. */
export async function listCalls(sql: Sql, request: ListCallsRequest, limit: number): Promise<IndexedCall[]> {
  const values: unknown[] = [request.organisationId];
  const conditions = ['c.organisation_id = $1'];
  const where = (condition: string, value: unknown): void => {
    values.push(value);
    conditions.push(condition.replace('?', () => `$${values.length}`));
  };
  if (request.projectId) where('c.project_id = ?', request.projectId);
  if (request.keyId) where('c.key_id = ?', request.keyId);
  if (request.model) where('c.model = ?', request.model);
  if (request.status) where('c.status = ?', request.status);
  if (request.sinceMs > 0n) where('c.admitted_at_ms >= ?', request.sinceMs);
  if (request.untilMs > 0n) where('c.admitted_at_ms <= ?', request.untilMs);
  if (request.after) where('(c.admitted_at_ms, c.call_id) < (SELECT admitted_at_ms, call_id FROM call WHERE call_id = ?::uuid AND organisation_id = $1)', CALL_ID.test(request.after) ? request.after : null);
  const rows = await sql.query<CallRow>(
    `SELECT ${COLUMNS} FROM call c LEFT JOIN open_call o USING (call_id) WHERE ${conditions.join(' AND ')} ORDER BY c.admitted_at_ms DESC, c.call_id DESC LIMIT ${limit + 1}`,
    values,
  );
  return rows.map((row) => indexedCall(row, []));
}

/** One call of an organisation; undefined when there is none, or when it is another's. */
export async function findCall(sql: Sql, organisationId: string, callId: string): Promise<IndexedCall | undefined> {
  if (!CALL_ID.test(callId)) return undefined;
  const [row] = await sql.query<CallRow & { seqs: bigint[] }>(
    `SELECT ${COLUMNS}, ARRAY(SELECT DISTINCT seq FROM (SELECT unnest(c.seqs) UNION ALL SELECT unnest(p.seqs) FROM call_part p WHERE p.call_id = c.call_id AND p.producer = c.producer AND p.epoch = c.epoch) AS part (seq) ORDER BY seq)::text[] AS seqs
     FROM call c LEFT JOIN open_call o USING (call_id) WHERE c.call_id = $1 AND c.organisation_id = $2`,
    [callId, organisationId],
  );
  return row && indexedCall(row, row.seqs.map(BigInt));
}

function indexedCall(row: CallRow, seqs: readonly bigint[]): IndexedCall {
  const leafIndex = row.leaf_index ?? undefined;
  return {
    summary: {
      callId: row.call_id, organisationId: row.organisation_id, projectId: row.project_id, keyId: row.key_id, model: row.model, stream: row.stream,
      admittedAtMs: row.admitted_at_ms, endedAtMs: row.ended_at_ms, status: row.status, errorCode: row.error_code, httpStatus: Number(row.http_status),
      counts: { inputTokens: row.input_tokens, outputTokens: row.output_tokens, cachedInputTokens: row.cached_input_tokens, reasoningTokens: row.reasoning_tokens, estimated: row.estimated },
      outputBytes: row.output_bytes, versionId: row.version_id, deploymentId: row.deployment_id, durationMs: Number(row.duration_ms), firstOutputMs: Number(row.first_output_ms), costNano: row.cost_nano, overrunNano: row.overrun_nano, cutBy: row.cut_by ?? '',
      ...(leafIndex === undefined ? {} : { leafIndex }),
    },
    producer: row.producer, epoch: row.epoch, seqs, leafIndex,
    abandoned: row.salt_seed && row.output_chain ? { outputChain: row.output_chain, saltSeed: row.salt_seed } : undefined,
  };
}
