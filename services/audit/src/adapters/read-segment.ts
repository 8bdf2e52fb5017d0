import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { UnitPrices } from '@sluice/pricing';
import { Action } from '@sluice/proto/content_filter/v1/content_filter';
import { Outcome } from '@sluice/proto/events/v1/calls';
import { eachField, readMessage } from '@sluice/segment';
import { NO_COUNTS, NO_HOLD, NO_PRICES, type Counts, type EndStatus, type Fact, type Hold, type NamedHash } from '../domain/call.ts';
import { cutBy } from '../domain/cut-by.ts';
import { clean } from './clean.ts';

/*
 * The clear part of a segment, as far as the index and the leaves need it: read from the wire, because to make objects of
 * all of it and throw most of them away costs more than everything else that is done with a call here. The spec holds
 * this to the library's encoder.
 */

const SEGMENT = { builtAtMs: 4, records: 5, blocks: 6 } as const;
const RECORD = { callId: 1, admitted: 2, output: 3, completed: 4, refused: 5, fragment: 6 } as const;
const MAX_INT8 = (1n << 63n) - 1n;

/** When it was built, in milliseconds, and what its records say, in order. Throws for bytes that are no segment. */
export function readSegment(bytes: Uint8Array): { builtAtMs: number; facts: Fact[] } {
  const reader = new BinaryReader(bytes);
  const facts: Fact[] = [];
  let builtAtMs = 0;
  eachField(reader, reader.len, (field) => {
    if (field === SEGMENT.builtAtMs) builtAtMs = Number(reader.int64());
    else if (field === SEGMENT.records) facts.push(readRecord(reader));
    // Nothing of a block is wanted, but it must be one.
    else if (field === SEGMENT.blocks) readMessage(reader, () => false);
    else return false;
    return true;
  });
  return { builtAtMs, facts };
}

/** The id stands in front of the record, as every encoder writes it; a record before its id is a record of no call. */
function readRecord(reader: BinaryReader): Fact {
  let callId = '';
  let fact: Fact | undefined;
  readMessage(reader, (field) => {
    if (field === RECORD.callId) callId = reader.string(true);
    else if (field === RECORD.admitted) fact = readAdmitted(reader, callId);
    else if (field === RECORD.output) fact = readOutput(reader, callId);
    else if (field === RECORD.completed) fact = readCompleted(reader, callId);
    else if (field === RECORD.refused) fact = readRefused(reader, callId);
    else if (field === RECORD.fragment && readMessage(reader, () => false)) fact = { kind: 'fragment', callId };
    else return false;
    return true;
  });
  return fact ?? { kind: 'unknown', callId };
}

function readAdmitted(reader: BinaryReader, callId: string): Fact {
  const caller = ['', '', '', ''];
  let [stream, admittedAtMs, prices, hold] = [false, 0n, NO_PRICES, NO_HOLD];
  let outputChain: Uint8Array = new Uint8Array();
  readMessage(reader, (field) => {
    if (field <= caller.length) caller[field - 1] = text(reader);
    else if (field === 5) stream = reader.bool();
    else if (field === 6) admittedAtMs = int64(reader);
    else if (field === 8) outputChain = reader.bytes();
    else if (field === 10) {
      readMessage(reader, (part) => {
        if (part === 1) hold = readHold(reader);
        else if (part === 2) prices = readPrices(reader);
        else return false;
        return true;
      });
    }
    else return false;
    return true;
  });
  return { kind: 'admitted', callId, caller: callerOf(caller), stream, admittedAtMs, outputChain, prices, hold };
}

function readOutput(reader: BinaryReader, callId: string): Fact {
  let [counts, outputBytes] = [NO_COUNTS, 0n];
  let hold: Hold | undefined;
  let outputChain: Uint8Array = new Uint8Array();
  readMessage(reader, (field) => {
    if (field === 1) outputBytes = count(reader);
    else if (field === 3) outputChain = reader.bytes();
    else if (field === 4) counts = readCounts(reader);
    else if (field === 5) hold = readHold(reader);
    else return false;
    return true;
  });
  return { kind: 'output', callId, counts, outputBytes, outputChain, hold };
}

const STATUSES: Readonly<Record<number, EndStatus>> = {
  [Outcome.ANSWERED]: 'answered',
  [Outcome.DISCONNECTED]: 'disconnected',
  [Outcome.ABANDONED]: 'abandoned',
};

function readCompleted(reader: BinaryReader, callId: string): Fact {
  let [outcome, errorCode, httpStatus, outputBytes, counts, versionId, deploymentId] = [0, '', 0, 0n, NO_COUNTS, '', ''];
  let [endedAtMs, firstOutputMs, durationMs, costNano, overrunNano, stoppedBy, verdict] = [0n, 0, 0, 0n, 0n, '', 0];
  const finishReasons: string[] = [];
  const commitments: NamedHash[] = [];
  readMessage(reader, (field) => {
    if (field === 1) outcome = reader.int32();
    else if (field === 2) errorCode = text(reader);
    else if (field === 3) httpStatus = reader.uint32();
    else if (field === 4) outputBytes = count(reader);
    else if (field === 6) counts = readCounts(reader);
    else if (field === 7) versionId = text(reader);
    else if (field === 8) deploymentId = text(reader);
    else if (field === 9) endedAtMs = int64(reader);
    else if (field === 10) firstOutputMs = reader.uint32();
    else if (field === 11) durationMs = reader.uint32();
    else if (field === 12) finishReasons.push(text(reader));
    else if (field === 13) readLeaf(reader, commitments);
    else if (field === 15) costNano = int64(reader);
    else if (field === 16) overrunNano = int64(reader);
    else if (field === 17) stoppedBy = text(reader);
    else if (field === 18) readMessage(reader, (part) => part === 2 && ((verdict = reader.int32()), true));
    else return false;
    return true;
  });
  const end = { status: STATUSES[outcome] ?? 'failed', errorCode, httpStatus, endedAtMs, counts, outputBytes, versionId, deploymentId, durationMs, firstOutputMs, costNano, overrunNano, cutBy: cutBy({ finishReasons, stoppedBy, isBlocked: verdict === Number(Action.BLOCK) }) };
  return { kind: 'completed', callId, end, commitments };
}

function readRefused(reader: BinaryReader, callId: string): Fact {
  const caller = ['', '', '', ''];
  let [errorCode, httpStatus, endedAtMs] = ['', 0, 0n];
  const commitments: NamedHash[] = [];
  readMessage(reader, (field) => {
    if (field <= caller.length) caller[field - 1] = text(reader);
    else if (field === 5) errorCode = text(reader);
    else if (field === 6) httpStatus = reader.uint32();
    else if (field === 8) endedAtMs = int64(reader);
    else if (field === 9) readLeaf(reader, commitments);
    else return false;
    return true;
  });
  const end = { status: 'refused' as const, errorCode, httpStatus, endedAtMs, counts: NO_COUNTS, outputBytes: 0n, versionId: '', deploymentId: '', durationMs: 0, firstOutputMs: 0, costNano: 0n, overrunNano: 0n, cutBy: '' as const };
  return { kind: 'refused', callId, caller: callerOf(caller), end, commitments };
}

function callerOf([organisationId, projectId, keyId, model]: readonly string[]): Extract<Fact, { kind: 'refused' }>['caller'] {
  return { organisationId: organisationId!, projectId: projectId!, keyId: keyId!, model: model! };
}

function readCounts(reader: BinaryReader): Counts {
  const counts = [0n, 0n, 0n, 0n];
  let estimated = false;
  readMessage(reader, (field) => {
    if (field <= counts.length) counts[field - 1] = count(reader);
    else if (field === 5) estimated = reader.bool();
    else return false;
    return true;
  });
  const [inputTokens, outputTokens, cachedInputTokens, reasoningTokens] = counts as [bigint, bigint, bigint, bigint];
  return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated };
}

/** A billing.v1.Hold. */
function readHold(reader: BinaryReader): Hold {
  let [amountNano, limited] = [0n, false];
  readMessage(reader, (field) => {
    if (field === 1) amountNano = int64(reader);
    else if (field === 2) limited = reader.bool();
    else return false;
    return true;
  });
  return { amountNano, limited };
}

/** Fields 4 to 7 of billing.v1.Price. */
function readPrices(reader: BinaryReader): UnitPrices {
  const nano = [0n, 0n, 0n, 0n];
  readMessage(reader, (field) => {
    if (field < 4 || field > 7) return false;
    nano[field - 4] = int64(reader);
    return true;
  });
  const [inputNano, cachedInputNano, outputNano, reasoningNano] = nano as [bigint, bigint, bigint, bigint];
  return { inputNano, cachedInputNano, outputNano, reasoningNano };
}

function readLeaf(reader: BinaryReader, commitments: NamedHash[]): void {
  readMessage(reader, (field) => {
    if (field !== 1) return false;
    let name = '';
    let hash: Uint8Array = new Uint8Array();
    readMessage(reader, (part) => {
      if (part === 1) name = reader.string(true);
      else if (part === 2) hash = reader.bytes();
      else return false;
      return true;
    });
    commitments.push({ name, hash });
    return true;
  });
}

function text(reader: BinaryReader): string {
  return clean(reader.string(true));
}

function int64(reader: BinaryReader): bigint {
  return BigInt(reader.int64());
}

/** The index counts with 63 bits; a number that does not fit is no honest one. */
function count(reader: BinaryReader): bigint {
  const value = BigInt(reader.uint64());
  return value > MAX_INT8 ? MAX_INT8 : value;
}
