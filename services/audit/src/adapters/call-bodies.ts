import type { KeyObject } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { dataKey } from '@sluice/envelope';
import { ServiceError } from '@sluice/errors';
import type { AccessService } from '@sluice/proto/access/v1/access';
import type { CallPartSchema } from '@sluice/proto/audit/v1/audit';
import type { CallRecord } from '@sluice/proto/events/v1/calls';
import type { Client } from '@sluice/rpc';
import { CallAssembler, decodeSegment, openSegment, type KeyFinder } from '@sluice/segment';
import type { Sql } from '@sluice/sql';
import { abandonedFields, openingsOf } from '../domain/own-leaf.ts';
import { NO_COUNTS, NO_HOLD, NO_PRICES, type OpenCall } from '../domain/call.ts';
import type { IndexedCall } from './calls-sql.ts';
import { readSegments } from './segments-sql.ts';

type CallPart = MessageInitShape<typeof CallPartSchema>;

/** Access answers from memory; longer means that it is away. */
const ACCESS_DEADLINE_MS = 5_000;
/** Segments read and opened at a time: at most 12.5 MiB in memory. */
const SEGMENTS_AT_ONCE = 50;
/** The longest call there is by default, ten minutes, at 200 segments a second, which is as often as a busy house appends. */
const MAX_SEGMENTS = 120_000;

/** Everything that was asked and answered in one call, as far as it can still be opened. */
export async function readBodies(sql: Sql, access: Client<typeof AccessService>, call: IndexedCall, signal: AbortSignal): Promise<{ parts: CallPart[]; available: boolean }> {
  const { producer, epoch, seqs } = call;
  if (seqs.length > MAX_SEGMENTS) throw new ServiceError('failed_precondition', `The call is spread over ${seqs.length} segments; at most ${MAX_SEGMENTS} can be shown in one answer.`);
  const keys = await projectKeys(access, call.summary, signal);
  let available = true;
  const findKey: KeyFinder = (projectId, keyId) => {
    if (projectId !== call.summary.projectId) return undefined;
    const key = keys.get(keyId);
    available &&= key !== undefined;
    return key;
  };
  const assembler = new CallAssembler();
  const parts: CallPart[] = [];
  for (let start = 0; start < seqs.length; start += SEGMENTS_AT_ONCE) {
    signal.throwIfAborted();
    const wanted = seqs.slice(start, start + SEGMENTS_AT_ONCE);
    const segments = await readSegments(sql, call, wanted);
    // Retention removes whole months, so what is left of a call may lack its beginning: then nothing is shown.
    if (segments.length < wanted.length) return { parts: ownPart(call), available: false };
    for (const segment of segments.map(decodeSegment)) {
      openSegment(segment, findKey).forEach((opened, record) => {
        const whole = opened.record.callId === call.summary.callId ? assembler.accept(opened) : undefined;
        if (whole) parts.push({ producer, epoch, seq: segment.seq, record: whole.record, outputChain: chainAfter(whole.record), ...(whole.body?.case ? { body: { record, body: whole.body } } : {}) });
      });
    }
  }
  return { parts: [...parts, ...ownPart(call)], available };
}

function chainAfter({ record }: CallRecord): Uint8Array {
  return record.case === 'admitted' || record.case === 'output' || record.case === 'completed' ? record.value.outputChain : new Uint8Array();
}

/** The project's data keys, for this answer only. A project that access does not know has been shredded. */
async function projectKeys(access: Client<typeof AccessService>, { organisationId, projectId }: IndexedCall['summary'], signal: AbortSignal): Promise<Map<string, KeyObject>> {
  try {
    const { project } = await access.getProjectSecrets({ organisationId, projectId }, { signal, timeoutMs: ACCESS_DEADLINE_MS });
    return new Map(project?.dataKeys.map(({ id, key }) => [id, dataKey(key)]));
  } catch (thrown) {
    const error = ServiceError.from(thrown);
    if (error.code === 'not_found') return new Map();
    throw new ServiceError('access_unavailable', 'The keys of the project cannot be read now.', { cause: error, retryAfterSeconds: 1 });
  }
}

/** The leaf of an abandoned call was made here, and so its openings are. */
function ownPart({ summary, producer, epoch, seqs, abandoned }: IndexedCall): CallPart[] {
  const lastSeq = seqs.at(-1);
  if (!abandoned || lastSeq === undefined) return [];
  const call: OpenCall = {
    callId: summary.callId, organisationId: summary.organisationId, projectId: summary.projectId, keyId: summary.keyId, model: summary.model,
    producer, epoch, lastSeq, admittedAtMs: summary.admittedAtMs ?? 0n, prices: NO_PRICES, hold: NO_HOLD, counts: { ...NO_COUNTS, ...summary.counts }, outputBytes: summary.outputBytes ?? 0n, outputChain: abandoned.outputChain,
  };
  return [{ producer, epoch, seq: lastSeq, body: { body: { case: 'completed', value: { openings: openingsOf(abandonedFields(call), abandoned.saltSeed) } } }, outputChain: abandoned.outputChain }];
}
