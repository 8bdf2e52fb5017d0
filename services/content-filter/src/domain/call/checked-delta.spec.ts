import { describe, expect, it } from '@jest/globals';
import { Channel, type ChatEvent, type Delta } from '@sluice/proto/chat/v1/chat';
import { CheckedDelta } from './checked-delta.ts';
import { Hits } from './hits.ts';
import { delta } from './testing/events.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'bad', action: 'block' }, { word: 'abc', action: 'mask' }, { word: 'hm', action: 'flag' }]);

function check(event: ChatEvent): { left: ChatEvent | undefined; hits: Hits } {
  const hits = new Hits(policy, 'org', () => new Uint8Array(1));
  return { left: new CheckedDelta(policy, hits).of(event, event.event.value as Delta), hits };
}

const extraOf = (event: ChatEvent | undefined): string => Buffer.from((event?.event.value as Delta).extraJson).toString();

describe('what hangs on a piece', () => {
  it('is the same event when nothing is found', () => {
    const event = delta('x', { extra: { annotations: [{ title: 'hm, fine' }] }, logprobs: { content: [{ token: 'x' }] }, tool: { name: 'look_up' } });
    const { left, hits } = check(event);
    expect(left).toBe(event);
    expect(hits.all).toMatchObject([{ ruleId: 'rule-2', channel: Channel.UNSPECIFIED, start: 0n, end: 2n }]);
  });

  it('is masked string by string, and all else of it stays as it was written', () => {
    const event = delta('x');
    const value = { ...(event.event.value as Delta), extraJson: Buffer.from('{"annotations" : [{"title":"an \\u0061bc", "abc":1.50, "url":"/y"}]}') };
    const { left } = check({ ...event, event: { case: 'delta', value } });
    expect(extraOf(left)).toBe(`{"annotations" : [{"title":"an ${MASK}", "abc":1.50, "url":"/y"}]}`);
  });

  it('blocks for a blocked word in it, also in the transcript of what is said', () => {
    expect(check(delta('', { extra: { audio: { id: 'a', data: 'AAbadAA', transcript: 'a bad word' } } })).left).toBeUndefined();
    const sound = delta('', { extra: { audio: { id: 'a', data: 'AAbadAA', transcript: 'a good word' } } });
    expect(check(sound).left).toBe(sound);
  });

  it('loses its log-probabilities alone when they tell more', () => {
    const { left } = check(delta('x', { extra: { note: 1 }, logprobs: { content: [{ token: 'y' }] } }));
    expect(left).toMatchObject({ event: { value: { text: 'x', logprobsJson: new Uint8Array(0) } } });
    expect(extraOf(left)).toBe('{"note":1}');
  });

  it('masks or blocks the name of a tool', () => {
    expect(check(delta('', { tool: { id: 'i', name: 'get_abc' } })).left).toMatchObject({ event: { value: { tool: { id: 'i', name: `get_${MASK}` } } } });
    expect(check(delta('', { tool: { name: 'get_bad' } })).left).toBeUndefined();
  });
});
