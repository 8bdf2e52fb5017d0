import { ServiceError } from '@sluice/errors';
import { encodeBody, encodeRecord } from './encode-record.ts';
import { CLEAR_RECORD_LIMIT_BYTES, FRAGMENT_BYTES } from './limits.ts';
import type { PendingRecord } from './record.ts';

/** A record that fits a segment, encoded: a CallRecord, and a Body without its index into the segment's records. */
export interface Piece {
  readonly record: Uint8Array;
  readonly body: Uint8Array | undefined;
}

/** Encodes a record; one with a large body becomes fragments, the last of which lies in the record itself. */
export function piecesOf(pending: PendingRecord): Piece[] {
  const record = encodeRecord(pending.callId, pending.record);
  if (record.length > CLEAR_RECORD_LIMIT_BYTES) throw new ServiceError('internal', 'The clear part of a call record is too large.');
  const body = pending.body?.case === undefined ? undefined : encodeBody(pending.body);
  if (!body || body.length <= FRAGMENT_BYTES) return [{ record, body }];
  const pieces: Piece[] = [];
  for (let start = 0; start < body.length; start += FRAGMENT_BYTES) {
    const slice = body.subarray(start, start + FRAGMENT_BYTES);
    const last = start + FRAGMENT_BYTES >= body.length;
    pieces.push({ record: last ? record : encodeRecord(pending.callId, { case: 'fragment', value: { index: pieces.length } }), body: encodeBody({ case: 'fragment', value: slice }) });
  }
  return pieces;
}
