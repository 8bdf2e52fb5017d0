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

export function textArray(values: readonly string[]): string {
  return `{${values.map(quoted).join(',')}}`;
}

/** Bytes in hexadecimal, for `decode(..., 'hex')`; undefined becomes NULL. */
export function hexArray(values: readonly (Uint8Array | undefined)[]): string {
  return `{${values.map((value) => (value === undefined ? 'NULL' : `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}"`)).join(',')}}`;
}

const PLAIN = /^[\w.:/-]+$/;

function quoted(value: string): string {
  return PLAIN.test(value) && value.toUpperCase() !== 'NULL' ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}
