/**
 * Arrays as PostgreSQL reads them (documentation section 8.15.2), for statements that write a whole batch. The driver can
 * write them too, element by element and at several times the cost.
 */
export function numberArray(values: readonly (number | bigint)[]): string {
  return `{${values.join(',')}}`;
}

export function booleanArray(values: readonly boolean[]): string {
  return `{${values.join(',')}}`;
}

/** Hexadecimal ids, which need no quotes. */
export function idArray(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}

/** Any text. */
export function textArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
