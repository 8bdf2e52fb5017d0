import { describe, expect, it } from '@jest/globals';
import { readVersion } from './redis.ts';

describe('an answer of Redis', () => {
  it('is read when its line is whole', () => {
    const heard = '+OK\r\n+PONG\r\n$60\r\n# Server\r\nredis_version:7.0.15\r\n';
    expect(readVersion(Buffer.from(heard.slice(0, -4)))).toBeUndefined();
    expect(readVersion(Buffer.from(heard))).toBe('7.0.15');
  });

  it.each(['-WRONGPASS invalid username-password pair', '-LOADING Redis is loading the dataset in memory'])('that refuses is an error: %s', (line) => {
    expect(() => readVersion(Buffer.from(`+OK\r\n${line}\r\n`))).toThrow(line.slice(1));
  });
});
