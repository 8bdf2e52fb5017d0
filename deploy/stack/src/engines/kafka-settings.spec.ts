import { describe, expect, it } from '@jest/globals';
import { readSettings, settingsRequest } from './kafka-settings.ts';

function answer(parts: readonly (number | string | null)[][], { error = 0, correlation = 8 } = {}): Buffer {
  const text = (value: string | null): number[] => (value === null ? [0xff, 0xff] : [0, value.length, ...Buffer.from(value)]);
  const int32 = (value: number): number[] => [0, 0, 0, value];
  const settings = parts.flatMap(([name, value]) => [...text(name as string), ...text(value as string | null), 0, 5, 0, ...int32(1), ...text('synonym'), ...text(null), 4]);
  const body = [...int32(correlation), ...int32(0), ...int32(1), 0, error, ...text(error === 0 ? null : 'not yours'), 4, ...text('1'), ...int32(parts.length), ...settings];
  return Buffer.from([...int32(body.length), ...body]);
}

describe('a question for the settings of a broker', () => {
  it('is framed by its length, and names what it asks for', () => {
    const request = settingsRequest(3, ['min.insync.replicas']);
    expect([request.readInt32BE(0), request.readInt16BE(4), request.includes('min.insync.replicas')]).toEqual([request.length - 4, 32, true]);
  });

  it('waits for the whole answer, and keeps what has a value', () => {
    const whole = answer([['a', '1'], ['secret', null], ['b', '']]);
    for (let at = 0; at < whole.length; at++) expect(readSettings(whole.subarray(0, at))).toBeUndefined();
    expect(readSettings(whole)).toEqual(new Map([['a', '1'], ['b', '']]));
  });

  it('takes no refusal, and no answer to another question', () => {
    expect(() => readSettings(answer([], { error: 31 }))).toThrow('not yours');
    expect(() => readSettings(answer([], { correlation: 7 }))).toThrow('another question');
  });
});
