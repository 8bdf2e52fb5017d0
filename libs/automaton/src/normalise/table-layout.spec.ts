import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BMP, type Tables, emptyAstralPage, pack, unpack } from './table-layout.ts';

const entries = fc.uint16Array({ maxLength: 300 });

describe('packed tables', () => {
  it('are unpacked to what was packed', () => {
    const whole = fc.record({ changes: fc.array(fc.tuple(fc.nat(BMP - 1), fc.nat(0xffff)), { maxLength: 20 }), astral: entries, expansionAt: entries, expansion: entries, syllable: entries, word: entries });
    fc.assert(fc.property(whole, ({ changes, ...rest }) => {
      const single = Uint16Array.from({ length: BMP }, (_, code) => code);
      for (const [code, unit] of changes) single[code] = unit;
      const tables = { single, astralPage: emptyAstralPage(), ...rest };
      // Compared as bytes: a comparison of arrays entry by entry takes longer than all else.
      const bytes = (name: keyof typeof tables, of: Tables) => Buffer.from(of[name].slice().buffer).toString('base64');
      const again = unpack(pack(tables));
      for (const name of Object.keys(tables) as (keyof typeof tables)[]) expect({ name, bytes: bytes(name, again) }).toEqual({ name, bytes: bytes(name, tables) });
    }), { numRuns: 20 });
  });
});
