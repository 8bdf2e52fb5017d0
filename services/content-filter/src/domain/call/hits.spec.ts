import { describe, expect, it } from '@jest/globals';
import { Channel } from '@sluice/proto/chat/v1/chat';
import { Action, Direction } from '@sluice/proto/content_filter/v1/content_filter';
import { Hits } from './hits.ts';
import { ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'a', action: 'flag' }, { word: 'b', action: 'block' }]);
const hashOf = (organisation: string, text: string): Uint8Array => Buffer.from(`${organisation}:${text}`);
const match = { rule: 1, start: 3, end: 4, text: 'secret' };

describe('hits', () => {
  it('tell the rule, the action and the place, and of the text its keyed hash alone', () => {
    const hits = new Hits(policy, 'org-1', hashOf);
    hits.add([match], 'in', { channel: Channel.REASONING, index: 5 });
    expect(hits.all).toEqual([
      { $typeName: 'content_filter.v1.Hit', ruleId: 'rule-1', kind: 'word', action: Action.BLOCK, direction: Direction.IN, channel: Channel.REASONING, index: 5, start: 3n, end: 4n, textHash: Buffer.from('org-1:secret') },
    ]);
  });

  it('are told a hundred times in a call, whatever they are told in, and counted for ever', () => {
    const hits = new Hits(policy, 'org-1', hashOf);
    const place = { channel: Channel.CONTENT, index: 0 };
    hits.add(Array.from({ length: 60 }, () => match), 'in', place);
    expect(hits.fresh()).toMatchObject({ hitCount: 60, hits: { length: 60 } });
    hits.add(Array.from({ length: 60 }, () => match), 'out', place);
    expect(hits.fresh()).toMatchObject({ hitCount: 60, hits: { length: 40 } });
    hits.add([match], 'out', place);
    expect(hits.fresh()).toEqual({ hitCount: 1, hits: [] });
    expect(hits.all).toHaveLength(100);
    expect(hits.count).toBe(121);
  });

  it('are counted by rule, all of them', () => {
    const hits = new Hits(policy, 'org-1', hashOf);
    const place = { channel: Channel.CONTENT, index: 0 };
    expect(hits.counts).toEqual([]);
    hits.add(Array.from({ length: 150 }, () => match), 'in', place);
    hits.add([{ ...match, rule: 0 }, match], 'out', place);
    expect(hits.counts).toEqual([{ ruleId: 'rule-1', action: 'block', count: 151 }, { ruleId: 'rule-0', action: 'flag', count: 1 }]);
  });

  it('are not hashed beyond what is told', () => {
    let hashes = 0;
    const hits = new Hits(policy, 'org-1', () => {
      hashes++;
      return new Uint8Array(1);
    });
    hits.add(Array.from({ length: 500 }, () => match), 'out', { channel: Channel.CONTENT, index: 0 });
    expect(hashes).toBe(100);
  });
});
