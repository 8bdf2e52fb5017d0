import { describe, expect, it } from '@jest/globals';
import { findEmails, LONGEST_LOCAL_PART } from './email.ts';

const found = (word: string): string[] => findEmails(word).map(([start, end]) => word.slice(start, end));

describe('findEmails', () => {
  it.each([
    ['a@b.co', ['a@b.co']],
    ['first.last+tag@sub.example-host.org', ['first.last+tag@sub.example-host.org']],
    ['a@b.co.', ['a@b.co']],
    ['.a@b.co-', ['a@b.co']],
    ['x..a@b.co', ['a@b.co']],
    ['münchen@bücher.de', ['münchen@bücher.de']],
    ['a@example.xn--p1ai', ['a@example.xn--p1ai']],
    ['a@b.co_', ['a@b.co']],
  ])('in %s finds %j', (word, expected) => {
    expect(found(word)).toEqual(expected);
  });

  it.each(['@b.co', 'a@', 'a@b', 'a@@b.co', 'a@b@c.co@', 'a@.co', 'a@b-.co', 'icon@2x.png', 'pkg@1.2.3', 'a.@b.co'])('in %s finds none', (word) => {
    expect(found(word)).toEqual([]);
  });

  it('bounds the local part', () => {
    expect(found(`${'a'.repeat(LONGEST_LOCAL_PART)}@b.co`)).toHaveLength(1);
    expect(found(`${'a'.repeat(LONGEST_LOCAL_PART + 1)}@b.co`)).toEqual([]);
  });
});
