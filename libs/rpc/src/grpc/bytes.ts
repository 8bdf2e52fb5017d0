/** grpc-js asks for its serialisers; messages are bytes before it gets them, so that a fault in one is an error of the house. No copy is made. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function asIs(bytes: Buffer): Uint8Array {
  return bytes;
}
