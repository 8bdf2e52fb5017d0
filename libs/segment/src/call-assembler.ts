import { fromBinary } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { BodySchema, type Body, type Segment } from '@sluice/proto/events/v1/calls';
import { BODY_LIMIT_BYTES } from './limits.ts';
import { openSegment, type KeyFinder, type OpenedRecord } from './open-segment.ts';

/** Puts the bodies of one call together again: takes its records in order, gives back those that are whole. */
export class CallAssembler {
  #fragments: Uint8Array[] = [];
  #records = 0;
  #bytes = 0;

  /** The record with its whole body, or undefined for a fragment of one. Throws `internal` when a fragment is missing. */
  accept(opened: OpenedRecord): OpenedRecord | undefined {
    const { record, body } = opened;
    const slice = body?.case === 'fragment' ? body.value : undefined;
    if (slice) this.#keep(slice);
    if (record.record.case === 'fragment') {
      if (record.record.value.index !== this.#records++) throw new ServiceError('internal', 'A fragment of a body is missing or out of order.');
      return undefined;
    }
    if (this.#records === 0) {
      if (slice) throw new ServiceError('internal', 'The first fragments of a body are missing.');
      return opened;
    }
    const whole = this.#join();
    return { record, body: whole };
  }

  #keep(slice: Uint8Array): void {
    this.#bytes += slice.length;
    if (this.#bytes > BODY_LIMIT_BYTES) throw new ServiceError('internal', 'A body is larger than any that is written.');
    this.#fragments.push(slice);
  }

  /** Undefined when the key is gone: the records stand without their bodies. */
  #join(): Body['body'] | undefined {
    const [fragments, expected] = [this.#fragments, this.#records + 1];
    this.#fragments = [];
    this.#records = 0;
    this.#bytes = 0;
    if (fragments.length === 0) return undefined;
    if (fragments.length !== expected) throw new ServiceError('internal', 'A fragment of a body is missing.');
    return fromBinary(BodySchema, Buffer.concat(fragments)).body;
  }
}

/** All whole records of one call from the segments that hold them, given in order. What was cut off by a crash is left out. */
export function readCall(segments: Iterable<Segment>, callId: string, findKey: KeyFinder): OpenedRecord[] {
  const assembler = new CallAssembler();
  const whole: OpenedRecord[] = [];
  for (const segment of segments) {
    for (const opened of openSegment(segment, findKey)) {
      if (opened.record.callId !== callId) continue;
      const record = assembler.accept(opened);
      if (record) whole.push(record);
    }
  }
  return whole;
}
