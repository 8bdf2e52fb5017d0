import { describe, expect, it } from '@jest/globals';
import { Channel } from '@sluice/proto/chat/v1/chat';
import { InputPlace } from './input-place.ts';

const channel = Channel.CONTENT;

describe('a place', () => {
  it('of which nothing is known is a text at every depth, with the names in it', () => {
    const free = new InputPlace({ channel });
    expect([free.member('x'), free.elements]).toEqual([free, free]);
    expect([free.kindOf('string', 'x'), free.kindOf('name', 'x'), free.kindOf('number', '1')]).toEqual(['text', 'text', 'fixed']);
  });

  it('has its known members, and one place for all others and for elements', () => {
    const others = new InputPlace({ channel });
    const known = new InputPlace({ channel, kind: 'fixed', words: new Set(['on']), others });
    const place = new InputPlace({ channel, members: new Map([['known', known]]), others });
    expect([place.member('known'), place.member('toString'), place.member('__proto__'), place.elements]).toEqual([known, others, others, others]);
    expect([place.kindOf('name', 'known'), place.kindOf('name', 'constructor')]).toEqual([undefined, 'text']);
    expect([known.kindOf('string', 'on'), known.kindOf('string', 'On'), known.kindOf('name', 'on')]).toEqual([undefined, 'fixed', 'text']);
  });
});
