/** Printable ASCII without a blank: all that a key, and the header that carries it, is made of (RFC 6750, section 2.1). */
const KEY = /^[\x21-\x7e]+$/;

/** What is said of a text that is not; the text itself is never shown. */
export const NOT_A_KEY = 'holds characters that no key has';

export function isKeyText(text: string): boolean {
  return KEY.test(text);
}
