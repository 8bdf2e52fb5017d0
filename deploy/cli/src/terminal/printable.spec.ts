import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { printable, printableLine } from './printable.ts';

describe('printable', () => {
  it('makes an escape sequence harmless and keeps the words', () => {
    expect(printable('\x1b]0;title\x07hello\r\nnext\tcolumn')).toBe('\\x1b]0;title\\x07hello\\x0d\nnext\tcolumn');
    expect(printable('\u009b2J \u202egnp.exe')).toBe('\\x9b2J \\u202egnp.exe');
    expect(printableLine('a\nb\tc')).toBe('a\\nb\\tc');
  });

  it('lets no control character through, whatever is recorded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const character of printableLine(text)) {
          const code = character.codePointAt(0)!;
          expect(code >= 0x20 && (code < 0x7f || code > 0x9f)).toBe(true);
        }
      }),
    );
  });

  it('changes nothing in ordinary text', () => {
    for (const text of ['Grüße, 世界 👋🏽', 'a\nb', '']) expect(printable(text)).toBe(text);
  });
});
