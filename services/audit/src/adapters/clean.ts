/** PostgreSQL's text holds no NUL, and a model's name comes from the outside; the segment keeps it as it was. */
export function clean(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
}
