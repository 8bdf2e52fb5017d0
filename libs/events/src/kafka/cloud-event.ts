import type { IHeaders } from 'kafkajs';

/** The attributes of an event (CloudEvents 1.0); `source` and `id` together name it for ever. */
export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  /** Full name of the message in the data. */
  readonly type: string;
  readonly timeMs: number;
  /** Also the key of the record. */
  readonly partitionKey: string;
  /** Place in its topic, or in its epoch. */
  readonly sequence: bigint | undefined;
  readonly traceparent?: string | null | undefined;
}

/** Wide enough for 64 bits: the extension `sequence` compares as text. */
const SEQUENCE_DIGITS = 20;

/** Headers of the binary mode (CloudEvents Kafka protocol binding 1.0.2, section 3.2); the data is the record's value. */
export function headersOf({ id, source, type, timeMs, partitionKey, sequence, traceparent }: CloudEvent): Record<string, string> {
  return {
    'content-type': 'application/protobuf',
    ce_specversion: '1.0',
    ce_id: id,
    ce_source: source,
    ce_type: type,
    ce_time: new Date(timeMs).toISOString(),
    ce_partitionkey: partitionKey,
    ...(sequence !== undefined && { ce_sequence: sequence.toString().padStart(SEQUENCE_DIGITS, '0') }),
    ...(traceparent && { traceparent }),
  };
}

/** The source of what owners publish on a topic. */
export function topicSource(topic: string): string {
  return `/topics/${topic}`;
}

/** A header as text; undefined for one that is not there. */
export function textHeader(headers: IHeaders | undefined, name: string): string | undefined {
  const value = headers?.[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first?.toString();
}

/** A header as a whole number, not below 0; undefined for what is none. */
export function numberHeader(headers: IHeaders | undefined, name: string): bigint | undefined {
  const text = textHeader(headers, name);
  return text !== undefined && /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
}
