import { create, toBinary } from '@bufbuild/protobuf';
import { seal } from '@sluice/envelope';
import type { StoredSegment } from '@sluice/events';
import { SealedBlockSchema, SegmentSchema } from '@sluice/proto/events/v1/calls';
import { SEGMENT_LIMIT_BYTES } from './limits.ts';
import type { Piece } from './pieces.ts';
import type { SealingKey } from './record.ts';
import { FrameWriter, LENGTH_DELIMITED, VARINT, fieldBytes, tag, varintBytes } from './wire.ts';

/** A segment's place on the log. */
export interface SegmentIdentity {
  readonly producer: string;
  readonly epoch: bigint;
  readonly seq: bigint;
}

/** Field numbers of events.v1: Segment.records, Segment.blocks, Bodies.bodies, Body.record. */
const RECORDS_FIELD = 5;
const BLOCKS_FIELD = 6;
const BODIES_FIELD = 1;
const BODY_RECORD_FIELD = 1;

/** Producer, numbers and time. */
const HEADER_RESERVE_BYTES = 512;
/** Project id, key id, IV, tag and the frames of one block. */
const BLOCK_RESERVE_BYTES = 256;

interface OpenBlock {
  readonly sealing: SealingKey;
  readonly bodies: { readonly index: number; readonly body: Uint8Array }[];
  bytes: number;
}

/** Collects records until the segment is full, then seals and encodes it: events.v1.Segment. */
export class SegmentBuilder {
  readonly #records: Uint8Array[] = [];
  readonly #blocks = new Map<string, OpenBlock>();
  #bytes = HEADER_RESERVE_BYTES;

  get records(): number {
    return this.#records.length;
  }

  /** False when the piece does not fit any more; nothing is added then. All pieces of a project are sealed with the key given first. */
  add(projectId: string, sealing: SealingKey, { record, body }: Piece): boolean {
    const block = body && this.#blocks.get(projectId);
    const index = this.#records.length;
    const bodyBytes = body ? fieldBytes(body.length + indexBytes(index)) : 0;
    const bytes = fieldBytes(record.length) + bodyBytes + (body && !block ? BLOCK_RESERVE_BYTES : 0);
    if (this.#bytes + bytes > SEGMENT_LIMIT_BYTES) return false;
    this.#bytes += bytes;
    this.#records.push(record);
    if (block) {
      block.bodies.push({ index, body });
      block.bytes += bodyBytes;
    } else if (body) {
      this.#blocks.set(projectId, { sealing, bodies: [{ index, body }], bytes: bodyBytes });
    }
    return true;
  }

  /** The segment as it goes to the log, and stays however often it is sent. */
  build(identity: SegmentIdentity, builtAtMs: number): StoredSegment {
    const header = toBinary(SegmentSchema, create(SegmentSchema, { ...identity, builtAtMs: BigInt(Math.trunc(builtAtMs)) }));
    const blocks = [...this.#blocks].map(([projectId, block]) => sealedBlock(identity, projectId, block));
    const bytes = [...this.#records, ...blocks].reduce((sum, part) => sum + fieldBytes(part.length), header.length);
    const writer = new FrameWriter(bytes);
    writer.bytes(header);
    for (const record of this.#records) writer.field(RECORDS_FIELD, record);
    for (const block of blocks) writer.field(BLOCKS_FIELD, block);
    return { ...identity, bytes: writer.finish() };
  }
}

/** Binds a block to its place, so that no block can be moved to another segment or project. */
export function blockAssociatedData({ producer, epoch, seq }: SegmentIdentity, projectId: string): string {
  return `sluice.segment/v1|${producer}|${epoch}|${seq}|${projectId}`;
}

function sealedBlock(identity: SegmentIdentity, projectId: string, { sealing, bodies, bytes }: OpenBlock): Uint8Array {
  const writer = new FrameWriter(bytes);
  for (const { index, body } of bodies) {
    writer.byte(tag(BODIES_FIELD, LENGTH_DELIMITED));
    writer.varint(body.length + indexBytes(index));
    if (index > 0) {
      writer.byte(tag(BODY_RECORD_FIELD, VARINT));
      writer.varint(index);
    }
    writer.bytes(body);
  }
  const { iv, sealed } = seal(sealing.key, writer.finish(), blockAssociatedData(identity, projectId));
  return toBinary(SealedBlockSchema, create(SealedBlockSchema, { projectId, dataKeyId: sealing.id, iv, sealed }));
}

/** Zero is not written, as everywhere in proto3. */
function indexBytes(index: number): number {
  return index === 0 ? 0 : 1 + varintBytes(index);
}
