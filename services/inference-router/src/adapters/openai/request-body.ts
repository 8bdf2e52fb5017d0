import type { ChatCall } from '@sluice/proto/chat/v1/chat';

/** Set by Sluice; a field of the same name would make the body ambiguous. */
const OWN = new Set(['model', 'messages', 'stream', 'stream_options', 'n']);

/**
 * The body for the backend. Messages and fields are the client's bytes, unchanged; the model is the deployment's, and a
 * stream always ends with usage, whether or not the client asked for it.
 */
export function requestBody(call: ChatCall, upstreamModel: string): Buffer {
  const pieces: Uint8Array[] = [Buffer.from(`{"model":${JSON.stringify(upstreamModel)},"messages":`), call.messages];
  for (const { name, json } of call.fields) {
    if (!OWN.has(name)) pieces.push(Buffer.from(`,${JSON.stringify(name)}:`), json);
  }
  const choices = call.choices > 1 ? `,"n":${call.choices}` : '';
  pieces.push(Buffer.from(`${choices}${call.stream ? ',"stream":true,"stream_options":{"include_usage":true}' : ',"stream":false'}}`));
  return Buffer.concat(pieces);
}
