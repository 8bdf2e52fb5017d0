import type { ChatCall } from '@sluice/proto/chat/v1/chat';
import type { Call } from '../domain/call.ts';

const NOTHING = new Uint8Array();

/** A call as it travels. Literals with their type names are what `create` makes, without its walk over the schema. */
export function chatCall({ model, messages, fields, stream, choices, tensors = NOTHING }: Call): ChatCall {
  return { $typeName: 'chat.v1.ChatCall', model, messages, stream, choices, tensors, fields: fields.map(({ name, json }) => ({ $typeName: 'chat.v1.Field', name, json })) };
}
