import type { BinaryReader } from '@bufbuild/protobuf/wire';

const LENGTH_DELIMITED = 2;

/**
 * Runs `read` for each field of a message that ends at `end`; it reads the value, or answers false to step over it. For who
 * needs a few fields of many. Throws for bytes that are no message; what was stepped over is not looked into.
 */
export function eachField(reader: BinaryReader, end: number, read: (field: number) => boolean): void {
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (read(field)) continue;
    // A field that nobody here asks for, or of a newer writer, is stepped over, as the wire format means it to be.
    if (wireType === LENGTH_DELIMITED) {
      // The library's own step makes a view of what it steps over.
      const bytes = reader.uint32();
      reader.pos += bytes;
    } else reader.skip(wireType, field);
  }
  if (reader.pos !== end) throw new RangeError('a message does not end where it should');
}

/** The same for the message that stands here, behind its length. */
export function readMessage(reader: BinaryReader, read: (field: number) => boolean): true {
  const bytes = reader.uint32();
  eachField(reader, reader.pos + bytes, read);
  return true;
}
