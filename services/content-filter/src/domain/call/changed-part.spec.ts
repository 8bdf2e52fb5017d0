import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MaskedSpans } from './changed-part.ts';

const spansOf = (...spans: { start: number; end: number }[]): MaskedSpans => {
  const masked = new MaskedSpans((rule) => rule === 0);
  masked.add(spans.map((span) => ({ rule: 0, text: '', ...span })));
  return masked;
};

describe('masked spans', () => {
  it('find no change where none is', () => {
    expect(spansOf().changed('text', 'text', 0)).toBeUndefined();
    const flagged = new MaskedSpans((rule) => rule === 0);
    flagged.add([{ rule: 1, start: 0, end: 2, text: 'te' }]);
    expect(flagged.changed('text', 'text', 0)).toBeUndefined();
  });

  it('span from the first mask to the last', () => {
    expect(spansOf({ start: 12, end: 14 }, { start: 16, end: 17 }).changed('0123456789', '01**45*789', 10)).toEqual({ start: 12, end: 17 });
  });

  it('count a mask that looks like what it covers', () => {
    expect(spansOf({ start: 1, end: 2 }).changed('***', '***', 0)).toEqual({ start: 1, end: 2 });
  });

  it('take the whole stretch when it is not clear what was changed', () => {
    expect(spansOf().changed('text', 'other', 4)).toEqual({ start: 4, end: 8 });
    expect(spansOf({ start: 1, end: 2 }).changed('text', 'T*xt', 0)).toEqual({ start: 0, end: 4 });
    expect(spansOf({ start: 1, end: 3 }).changed('text', 'tt', 0)).toEqual({ start: 1, end: 3 });
    expect(spansOf({ start: 1, end: 3 }).changed('text', 't', 0)).toEqual({ start: 0, end: 4 });
  });

  it('remember what reaches behind the stretch, and forget what does not', () => {
    const masked = spansOf({ start: 2, end: 6 });
    expect(masked.changed('text', 'te**', 0)).toEqual({ start: 2, end: 4 });
    expect(masked.changed('more', '**re', 4)).toEqual({ start: 4, end: 6 });
    expect(masked.changed('****', '****', 8)).toBeUndefined();
  });

  it('leave the same before and behind in both', () => {
    const units = fc.array(fc.constantFrom('a', '*'), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(units, units, fc.option(fc.tuple(fc.nat({ max: 8 }), fc.nat({ max: 8 }))), (source, released, span) => {
        const changed = (span ? spansOf({ start: Math.min(...span), end: Math.max(...span) }) : spansOf()).changed(source, released, 0);
        if (changed === undefined) expect(released).toBe(source);
        else {
          expect(released.startsWith(source.slice(0, changed.start))).toBe(true);
          expect(released.endsWith(source.slice(changed.end))).toBe(true);
        }
      }),
    );
  });
});
