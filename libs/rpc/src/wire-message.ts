import { create, fromBinary, toBinary, type DescMessage, type Message } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';

/** The largest message is a snapshot: access with 100,000 keys takes some 40 MiB. A prompt is at most 10 MiB, thrice that with its original. */
export const MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024;

/** What was asked for on the wire; `request_too_large` above the limit. */
export function encodeRequest(schema: DescMessage, value: object, limitBytes: number): Uint8Array {
  const bytes = encode(schema, value);
  if (bytes.length > limitBytes) throw new ServiceError('request_too_large', `A message of ${bytes.length} bytes is longer than the ${limitBytes} bytes that one call between services may carry.`);
  return bytes;
}

/** What is answered on the wire. That it is too long is no fault of the caller: `internal`. */
export function encodeAnswer(schema: DescMessage, value: object, limitBytes: number): Uint8Array {
  const bytes = encode(schema, value);
  if (bytes.length > limitBytes) throw ServiceError.from(new RangeError(`${schema.typeName}: an answer of ${bytes.length} bytes, limit ${limitBytes}`));
  return bytes;
}

export function decode(schema: DescMessage, bytes: Uint8Array): Message {
  return fromBinary(schema, bytes);
}

function encode(schema: DescMessage, value: object): Uint8Array {
  return toBinary(schema, '$typeName' in value ? (value as Message) : create(schema, value as Record<string, unknown>));
}
