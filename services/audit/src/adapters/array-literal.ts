/**
 * Arrays as PostgreSQL reads them (documentation section 8.15.2). The driver can write them too, element by element
 * at ten times the cost, which tells when a batch of 500 calls has twenty columns.
 */
export function numberArray(values: readonly (number | bigint | undefined)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

export function booleanArray(values: readonly boolean[]): string {
  return `{${values.join(',')}}`;
}

/** Any text. A batch names the same few models and projects again and again, so a repeated value is quoted once. */
export function textArray(values: readonly string[]): string {
  let [last, written] = ['', '""'];
  return `{${values.map((value) => {
    if (value !== last) [last, written] = [value, quoted(value)];
    return written;
  }).join(',')}}`;
}

/** Text that needs no quotes: hexadecimal ids. */
export function idArray(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}

/** Bytes in hexadecimal, for `decode(..., 'hex')`; undefined becomes NULL. */
export function hexArray(values: readonly (Uint8Array | undefined)[]): string {
  return `{${values.map((value) => (value === undefined ? 'NULL' : `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}"`)).join(',')}}`;
}

const PLAIN = /^[\w.:/-]+$/;

function quoted(value: string): string {
  return PLAIN.test(value) && value.toUpperCase() !== 'NULL' ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}
