import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import type { StoredSegment } from '../event-log.ts';
import { headersOf, numberHeader, textHeader } from './cloud-event.ts';

/** Who asked for an epoch, and with which attempt: a later attempt of the same taker takes the place of an earlier one. */
export interface Taking {
  readonly taker: string;
  readonly take: bigint;
}

/** What lies in the topic of segments. */
export type SegmentRecord =
  | ({ readonly kind: 'segment' } & StoredSegment)
  /** The epoch is the record's own place. */
  | ({ readonly kind: 'opened'; readonly producer: string; readonly epoch: bigint } & Taking)
  /** `segments`: how many there were, as far as who closed it knew. */
  | { readonly kind: 'closed'; readonly producer: string; readonly epoch: bigint; readonly segments: bigint | undefined };

const SEGMENT = SegmentSchema.typeName;
const OPENED = 'events.v1.EpochOpened';
const CLOSED = 'events.v1.EpochClosed';

/** The number of the epoch that a record at this offset opens: rising with the log of its producer, and above 0. */
export function epochAt(offset: bigint): bigint {
  return offset + 1n;
}

export function segmentMessage({ producer, epoch, seq, bytes }: StoredSegment, timeMs: number): Message {
  return messageOf(producer, SEGMENT, `${epoch}/${seq}`, timeMs, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { ce_epoch: String(epoch), ce_sequence: String(seq) });
}

export function openedMessage(producer: string, { taker, take }: Taking, timeMs: number): Message {
  return messageOf(producer, OPENED, `opened/${taker}/${take}`, timeMs, Buffer.alloc(0), { ce_taker: taker, ce_take: String(take) });
}

export function closedMessage(producer: string, epoch: bigint, segments: bigint | undefined, timeMs: number): Message {
  return messageOf(producer, CLOSED, `${epoch}/closed`, timeMs, Buffer.alloc(0), { ce_epoch: String(epoch), ...(segments !== undefined && { ce_segments: String(segments) }) });
}

/** Undefined for what no version of Sluice wrote. */
export function readSegmentRecord({ offset, key, value, headers }: KafkaMessage): SegmentRecord | undefined {
  const producer = key?.toString();
  if (!producer) return undefined;
  const [epoch, seq] = [numberHeader(headers, 'ce_epoch'), numberHeader(headers, 'ce_sequence')];
  switch (textHeader(headers, 'ce_type')) {
    case SEGMENT:
      return epoch === undefined || seq === undefined ? undefined : { kind: 'segment', producer, epoch, seq, bytes: value ?? Buffer.alloc(0) };
    case OPENED:
      return openedOf(producer, BigInt(offset), headers);
    case CLOSED:
      return epoch === undefined ? undefined : { kind: 'closed', producer, epoch, segments: numberHeader(headers, 'ce_segments') };
    default:
      return undefined;
  }
}

function openedOf(producer: string, offset: bigint, headers: IHeaders | undefined): SegmentRecord | undefined {
  const [taker, take] = [textHeader(headers, 'ce_taker'), numberHeader(headers, 'ce_take')];
  return taker === undefined || take === undefined ? undefined : { kind: 'opened', producer, epoch: epochAt(offset), taker, take };
}

function messageOf(producer: string, type: string, id: string, timeMs: number, value: Buffer, attributes: Readonly<Record<string, string>>): Message {
  const event = headersOf({ id, source: `/producers/${encodeURIComponent(producer)}`, type, timeMs, partitionKey: producer, sequence: undefined });
  return { key: producer, value, headers: { ...event, ...attributes } };
}
