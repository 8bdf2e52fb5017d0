/** Of addresses in use, signed ones are the longest. */
const ADDRESS_LIMIT_UNITS = 4096;

const ADDRESS = /^https?:\/\/[!-~]+$/;
const DATA_HEAD = /^data:([^,]{0,256});base64,/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Media types of the API; they say nothing. */
const MEDIA_TYPES = new Set(
  ['image/png', 'image/jpeg', 'image/jpg', 'image/webp', 'image/gif', 'audio/wav', 'audio/mpeg', 'audio/mp3', 'audio/ogg', 'audio/flac', 'video/mp4', 'video/webm', 'application/pdf'],
);

/** What is text of a value that should be an address, by http or of encoded data (RFC 2397): nothing when it is one, or its beginning. */
export function textOfAddress(value: string): string {
  if (value.length <= ADDRESS_LIMIT_UNITS && ADDRESS.test(value)) return '';
  const head = DATA_HEAD.exec(value);
  if (!head || !isEncodedData(value.slice(head[0].length))) return value;
  return MEDIA_TYPES.has(head[1]!) ? '' : head[0];
}

/** The same of a value that should be encoded data alone (RFC 4648), or have them in an address. */
export function textOfData(value: string): string {
  if (isEncodedData(value)) return '';
  return value.startsWith('data:') ? textOfAddress(value) : value;
}

export function isEncodedData(value: string): boolean {
  return BASE64.test(value);
}
