import { describe, expect, it } from '@jest/globals';
import { Channel, type ChatEvent, type Delta } from '@sluice/proto/chat/v1/chat';
import { CheckedDelta } from './checked-delta.ts';
import { Hits } from './hits.ts';
import { delta } from './testing/events.ts';
import { finish } from './testing/finish.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'bad', action: 'block' }, { word: 'abc', action: 'mask' }, { word: 'hm', action: 'flag' }]);

function check(event: ChatEvent): { left: ChatEvent | undefined; hits: Hits } {
  const hits = new Hits(policy, 'org', () => new Uint8Array(1));
  return { left: finish(new CheckedDelta(policy, hits).of(event, event.event.value as Delta)), hits };
}

describe('what comes with a piece', () => {
  it('is the same event when nothing is found', () => {
    const event = delta('x', { logprobs: { content: [{ token: 'x' }] }, tool: { name: 'hm' } });
    const { left, hits } = check(event);
    expect(left).toBe(event);
    expect(hits.all).toMatchObject([{ ruleId: 'rule-2', channel: Channel.CONTENT, start: 0n, end: 2n }]);
  });

  it('loses its log-probabilities alone when they tell more', () => {
    const { left } = check(delta('x', { logprobs: { content: [{ token: 'y' }] } }));
    expect(left).toMatchObject({ event: { value: { text: 'x', logprobsJson: new Uint8Array(0) } } });
  });

  it('masks or blocks the name of a tool', () => {
    expect(check(delta('', { tool: { id: 'i', name: 'get_abc' } })).left).toMatchObject({ event: { value: { tool: { id: 'i', name: `get_${MASK}` } } } });
    expect(check(delta('', { tool: { name: 'get_bad' } })).left).toBeUndefined();
  });

  it('finds words in the strings of an object of the backend, not in its names and numbers', () => {
    const isClean = (json: string): boolean => finish(new CheckedDelta(policy, new Hits(policy, 'org', () => new Uint8Array(1))).isClean(Buffer.from(json)));
    expect(['{"bad":1,"n":[2,{"x":"fine"}]}', '{"n":["b\\u0061d"]}', '{"n":"abc"}', '{"n":"hm"}'].map(isClean)).toEqual([true, false, false, true]);
  });
});
