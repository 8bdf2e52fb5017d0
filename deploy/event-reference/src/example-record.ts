import { fromJson, toBinary, toJson, type JsonValue } from '@bufbuild/protobuf';
import type { EventContracts, EventTopic } from './event-topics.ts';
import { EXAMPLES } from './examples.ts';

/** An example as a reader meets it: the message as protobuf JSON, and the bytes of the record's value. */
export interface ExampleRecord {
  readonly message: JsonValue;
  readonly value: Uint8Array;
}

/** Throws where a topic has no example, or its example is no message of it. */
export function exampleOf({ declared, message }: EventTopic, { registry }: EventContracts): ExampleRecord {
  const example = EXAMPLES[declared.name];
  if (example === undefined) throw new Error(`the topic ${declared.name} has no example`);
  const decoded = fromJson(message, example, { registry });
  return { message: toJson(message, decoded, { registry }), value: toBinary(message, decoded) };
}
