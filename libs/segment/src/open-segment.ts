import type { KeyObject } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { open } from '@sluice/envelope';
import { ServiceError } from '@sluice/errors';
import { BodiesSchema, SegmentSchema, type Body, type CallRecord, type Segment } from '@sluice/proto/events/v1/calls';
import { blockAssociatedData } from './segment.ts';

/** Finds the key that a block was sealed with; undefined when it was shredded, or when the reader may not have it. */
export type KeyFinder = (projectId: string, dataKeyId: string) => KeyObject | undefined;

/** A record and its body; the body may be a fragment, and is undefined when there is none or its key is gone. */
export interface OpenedRecord {
  readonly record: CallRecord;
  readonly body: Body['body'] | undefined;
}

/** The clear part: enough to count, bill and make leaves. Throws `internal` for bytes that are no segment. */
export function decodeSegment(bytes: Uint8Array): Segment {
  try {
    return fromBinary(SegmentSchema, bytes);
  } catch (cause) {
    throw new ServiceError('internal', 'A segment on the log cannot be decoded.', { cause });
  }
}

/** The records of a segment with their bodies, in order. Throws `internal` when a block was changed or moved. */
export function openSegment(segment: Segment, findKey: KeyFinder): OpenedRecord[] {
  const bodies = new Map<number, Body['body']>();
  for (const block of segment.blocks) {
    const key = findKey(block.projectId, block.dataKeyId);
    if (!key) continue;
    const plain = open(key, block, blockAssociatedData(segment, block.projectId));
    for (const { record, body } of fromBinary(BodiesSchema, plain).bodies) {
      if (record >= segment.records.length || bodies.has(record)) throw new ServiceError('internal', 'A sealed body names no record of its own.');
      bodies.set(record, body);
    }
  }
  return segment.records.map((record, index) => ({ record, body: bodies.get(index) }));
}
