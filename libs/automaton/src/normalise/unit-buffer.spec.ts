import { describe, expect, it } from '@jest/globals';
import { UnitBuffer } from './unit-buffer.ts';

describe('UnitBuffer', () => {
  it('keeps all entries while it grows, and starts anew when it is cleared', () => {
    const buffer = new UnitBuffer();
    const count = 5000;
    for (let at = 0; at < count; at++) buffer.append(at, 2 * at, 2 * at + 1);
    expect(buffer.length).toBe(count);
    const wrong = Array.from({ length: count }, (_, at) => at).filter((at) => buffer.units[at] !== at || buffer.starts[at] !== 2 * at || buffer.ends[at] !== 2 * at + 1);
    expect(wrong).toEqual([]);
    buffer.clear();
    buffer.append(7, 2 ** 40, 2 ** 40 + 1);
    expect([buffer.length, buffer.units[0], buffer.starts[0], buffer.ends[0]]).toEqual([1, 7, 2 ** 40, 2 ** 40 + 1]);
  });

  it('has the room that was reserved, whatever its size was', () => {
    const buffer = new UnitBuffer();
    buffer.append(1, 0, 1);
    buffer.reserve(100_000);
    expect(Math.min(buffer.units.length, buffer.starts.length, buffer.ends.length)).toBeGreaterThanOrEqual(100_001);
    expect([buffer.units[0], buffer.starts[0], buffer.ends[0]]).toEqual([1, 0, 1]);
  });
});
