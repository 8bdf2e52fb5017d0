/** The text of a JSON value that is kept as bytes; the bytes stay where they are. */
export function jsonTextOf(json: Uint8Array): string {
  return Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString();
}
