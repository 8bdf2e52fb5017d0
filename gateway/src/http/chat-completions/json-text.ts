const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * JSON of a backend as text that fits one line: an event of a stream ends at a line's end. JSON has line ends between its
 * tokens only (RFC 8259, section 7: within strings they are escaped), so nothing is lost with them.
 */
export function jsonText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  return bytes.includes(LINE_FEED) || bytes.includes(CARRIAGE_RETURN) ? text.replace(/[\r\n]+/g, '') : text;
}
