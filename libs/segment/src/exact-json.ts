/** What the language has and the library's types do not know yet (TC39: JSON.parse source text access). */
interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON(source: string): unknown;
}

const exact = JSON as unknown as ExactJson;

/**
 * JSON.parse for what is shown again: a number that this language would change (12345678901234567890, 1.0, 1e-400) is kept
 * as JSON.rawJSON, so that JSON.stringify writes it as it was. Throws SyntaxError.
 */
export function parseExactly(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) => (typeof value === 'number' && source !== undefined && String(value) !== source ? exact.rawJSON(source) : value));
}
