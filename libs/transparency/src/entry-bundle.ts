import { LogFault } from './fault.ts';

/** The length prefix has two bytes. */
export const MAX_ENTRY_BYTES = 65_535;
const LENGTH_BYTES = 2;

/** Entries one after the other, each behind its length as a big-endian 16-bit number (C2SP tlog-tiles). */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(entries.flatMap((entry) => {
    if (entry.length > MAX_ENTRY_BYTES) throw new LogFault('entry', `An entry of ${entry.length} bytes is longer than ${MAX_ENTRY_BYTES}.`);
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt16BE(entry.length);
    return [length, entry];
  }));
}

/** The entries of a bundle that must hold exactly `count` of them. */
export function decodeEntryBundle(bytes: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at + LENGTH_BYTES;
    const end = start <= bytes.length ? start + view.getUint16(at) : Infinity;
    if (end > bytes.length) throw new LogFault('tile', 'An entry bundle ends in the middle of an entry.');
    entries.push(bytes.subarray(start, end));
    at = end;
  }
  if (entries.length !== count) throw new LogFault('tile', `An entry bundle holds ${entries.length} entries instead of ${count}.`);
  return entries;
}
