import type { SegmentEntry } from '@sluice/events';
import { Outcome, type CallCompleted, type CallRecord, type CallRefused, type Counts as CountsMessage } from '@sluice/proto/events/v1/calls';
import { decodeSegment } from '@sluice/segment';
import { NO_COUNTS, NO_PRICES, type Caller, type Counts, type End, type EndStatus, type Fact, type Item, type Place } from '../domain/call.ts';

/** A segment as it is kept. */
export interface KeptSegment {
  readonly kind: 'segment' | 'late' | 'unreadable';
  readonly place: Place;
  readonly bytes: Uint8Array;
  /** 0 when it cannot be read. */
  readonly builtAtMs: number;
}

/** What came, and what is to be kept of it; undefined for a close. */
export interface DecodedEntry {
  readonly item: Item;
  readonly kept: KeptSegment | undefined;
}

const MAX_INT8 = (1n << 63n) - 1n;

/** Reads the clear part of an entry. A segment that cannot be read is kept all the same, and said to be so. */
export function decodeEntry(entry: SegmentEntry): DecodedEntry {
  if (entry.kind === 'closed') return { item: { kind: 'closed', place: { producer: clean(entry.producer), epoch: entry.epoch, seq: entry.seq } }, kept: undefined };
  const { producer, epoch, seq, bytes } = entry.segment;
  const place: Place = { producer: clean(producer), epoch, seq };
  try {
    const { builtAtMs, records } = decodeSegment(bytes);
    const item: Item = entry.kind === 'late' ? { kind: 'late', place, bytes } : { kind: 'segment', place, facts: records.map(factOf) };
    return { item, kept: { kind: entry.kind, place, bytes, builtAtMs: Number(builtAtMs) } };
  } catch {
    // The reason is always the same, bytes that are no segment; the leaf and the counter say that it happened.
    return { item: { kind: 'unreadable', place, bytes }, kept: { kind: 'unreadable', place, bytes, builtAtMs: 0 } };
  }
}

function factOf({ callId, record }: CallRecord): Fact {
  switch (record.case) {
    case 'admitted':
      return { kind: 'admitted', callId, caller: callerOf(record.value), stream: record.value.stream, admittedAtMs: record.value.admittedAtMs, outputChain: record.value.outputChain, prices: record.value.hold?.price ?? NO_PRICES };
    case 'output':
      return { kind: 'output', callId, counts: countsOf(record.value.counts), outputBytes: int8(record.value.outputBytes), outputChain: record.value.outputChain };
    case 'completed':
      return { kind: 'completed', callId, end: completedEnd(record.value), commitments: record.value.leaf?.commitments ?? [] };
    case 'refused':
      return { kind: 'refused', callId, caller: callerOf(record.value), end: refusedEnd(record.value), commitments: record.value.leaf?.commitments ?? [] };
    case 'fragment':
      return { kind: 'fragment', callId };
    default:
      return { kind: 'unknown', callId };
  }
}

const STATUSES: Readonly<Record<Outcome, EndStatus>> = {
  [Outcome.ANSWERED]: 'answered',
  [Outcome.DISCONNECTED]: 'disconnected',
  [Outcome.FAILED]: 'failed',
  [Outcome.ABANDONED]: 'abandoned',
  [Outcome.UNSPECIFIED]: 'failed',
};

function completedEnd(record: CallCompleted): End {
  return {
    status: STATUSES[record.outcome] ?? 'failed', errorCode: clean(record.errorCode), httpStatus: record.httpStatus, endedAtMs: record.completedAtMs,
    counts: countsOf(record.counts), outputBytes: int8(record.outputBytes), versionId: clean(record.versionId), deploymentId: clean(record.deploymentId),
    durationMs: record.durationMs, firstOutputMs: record.firstOutputMs, costNano: record.costNano,
  };
}

function refusedEnd(record: CallRefused): End {
  return {
    status: 'refused', errorCode: clean(record.errorCode), httpStatus: record.httpStatus, endedAtMs: record.refusedAtMs,
    counts: NO_COUNTS, outputBytes: 0n, versionId: '', deploymentId: '', durationMs: 0, firstOutputMs: 0, costNano: 0n,
  };
}

function callerOf({ organisationId, projectId, keyId, model }: Caller): Caller {
  return { organisationId: clean(organisationId), projectId: clean(projectId), keyId: clean(keyId), model: clean(model) };
}

function countsOf(counts: CountsMessage | undefined): Counts {
  if (!counts) return NO_COUNTS;
  return {
    inputTokens: int8(counts.inputTokens), outputTokens: int8(counts.outputTokens),
    cachedInputTokens: int8(counts.cachedInputTokens), reasoningTokens: int8(counts.reasoningTokens), estimated: counts.estimated,
  };
}

/** PostgreSQL's text holds no NUL, and a model's name comes from the outside; the segment keeps it as it was. */
export function clean(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
}

/** The index counts with 63 bits; a number that does not fit is no honest one. */
function int8(value: bigint): bigint {
  return value > MAX_INT8 ? MAX_INT8 : value;
}
