import { describe, expect, it } from '@jest/globals';
import { checkReplay } from './replay-topic.ts';

describe('a replay', () => {
  it('is for consumers that are known to bear it', () => {
    expect(() => checkReplay('call.abandoned', 'billing')).not.toThrow();
  });

  it.each([
    ['admin.acted', 'audit', /each act stands in its log already.*\nWhat can be replayed: call\.abandoned by billing$/],
    ['admin.acted', 'billing', /^admin\.acted cannot be replayed for billing: it is not known to bear/],
    ['call.abandoned', 'constructor', /not known to bear/],
    ['constructor', 'billing', /not known to bear/],
    ['calls', 'audit', /^calls cannot be replayed: its segments/],
  ])('of %s is refused for %s', (topic, consumer, said) => {
    expect(() => checkReplay(topic, consumer)).toThrow(said);
  });
});
