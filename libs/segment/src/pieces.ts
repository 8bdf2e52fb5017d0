import { create, toBinary } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { BodySchema, CallRecordSchema } from '@sluice/proto/events/v1/calls';
import { CLEAR_RECORD_LIMIT_BYTES, FRAGMENT_BYTES } from './limits.ts';
import type { PendingRecord } from './record.ts';
import { FrameWriter, fieldBytes } from './wire.ts';

/** A record that fits a segment, encoded: a CallRecord, and a Body without its index into the segment's records. */
export interface Piece {
  readonly record: Uint8Array;
  readonly body: Uint8Array | undefined;
}

const BODY_OUTPUT_FIELD = 3;
const BODY_FRAGMENT_FIELD = 5;

/** Encodes a record; one with a large body becomes fragments, the last of which lies in the record itself. */
export function piecesOf(pending: PendingRecord): Piece[] {
  const record = toBinary(CallRecordSchema, create(CallRecordSchema, { callId: pending.callId, record: pending.record }));
  if (record.length > CLEAR_RECORD_LIMIT_BYTES) throw new ServiceError('internal', 'The clear part of a call record is too large.');
  const body = encodedBody(pending.body);
  if (!body || body.length <= FRAGMENT_BYTES) return [{ record, body }];
  const pieces: Piece[] = [];
  for (let start = 0; start < body.length; start += FRAGMENT_BYTES) {
    const slice = body.subarray(start, start + FRAGMENT_BYTES);
    const last = start + FRAGMENT_BYTES >= body.length;
    pieces.push({ record: last ? record : fragmentRecord(pending.callId, pieces.length), body: framed(BODY_FRAGMENT_FIELD, slice) });
  }
  return pieces;
}

function fragmentRecord(callId: string, index: number): Uint8Array {
  return toBinary(CallRecordSchema, create(CallRecordSchema, { callId, record: { case: 'fragment', value: { index } } }));
}

function encodedBody(body: PendingRecord['body']): Uint8Array | undefined {
  if (!body?.case) return undefined;
  if (body.case === 'encodedOutput') return framed(BODY_OUTPUT_FIELD, body.bytes);
  return toBinary(BodySchema, create(BodySchema, { body }));
}

function framed(field: number, value: Uint8Array): Buffer {
  const writer = new FrameWriter(fieldBytes(value.length));
  writer.field(field, value);
  return writer.finish();
}
