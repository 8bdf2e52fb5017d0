import { describe, expect, it } from '@jest/globals';
import { isEncodedData, textOfAddress, textOfData } from './media-text.ts';

describe('what is text of media', () => {
  it.each([
    ['https://example.org/a.png?x=%20y#z', ''],
    ['http://example.org', ''],
    ['data:image/png;base64,iVBORw0KGgo=', ''],
    ['data:image/bird;base64,AAAA', 'data:image/bird;base64,'],
    ['data:a bird;base64,AAAA', 'data:a bird;base64,'],
    ['data:image/png;base64,a bird', 'data:image/png;base64,a bird'],
    ['data:image/svg+xml,bird', 'data:image/svg+xml,bird'],
    ['https://example.org/a bird', 'https://example.org/a bird'],
    ['https://example.org/\u9e1f', 'https://example.org/\u9e1f'],
    [`https://example.org/${'x'.repeat(4096)}`, `https://example.org/${'x'.repeat(4096)}`],
    ['AAAA', 'AAAA'],
    ['ftp://x', 'ftp://x'],
    ['', ''],
  ])('of an address: %s', (value, expected) => {
    expect(textOfAddress(value)).toBe(expected);
  });

  it.each([
    ['UklGRg==', ''],
    ['data:application/pdf;base64,AAAA', ''],
    ['data:bird;base64,AAAA', 'data:bird;base64,'],
    ['a bird', 'a bird'],
    ['https://example.org/', 'https://example.org/'],
  ])('of data: %s', (value, expected) => {
    expect(textOfData(value)).toBe(expected);
  });

  it('knows encoded data by their letters', () => {
    expect(['AA+/', 'AA==', '', 'AA=A', 'A A', 'A\n', 'A-_'].map(isEncodedData)).toEqual([true, true, true, false, false, false, false]);
  });
});
