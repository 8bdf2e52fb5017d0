import { describe, expect, it } from '@jest/globals';
import { Channel, type ChatEvent, type Delta, type Started } from '@sluice/proto/chat/v1/chat';
import { CheckedDelta } from './checked-delta.ts';
import { Hits } from './hits.ts';
import { delta, started } from './testing/events.ts';
import { finish } from './testing/finish.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'bad', action: 'block' }, { word: 'abc', action: 'mask' }, { word: 'hm', action: 'flag' }, { word: '777', action: 'mask' }]);

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

  it('masks or blocks the id of a tool', () => {
    expect(check(delta('', { tool: { id: 'abc', name: 'f' } })).left).toMatchObject({ event: { value: { tool: { id: MASK, name: 'f' } } } });
    expect(check(delta('', { tool: { id: 'bad' } })).left).toBeUndefined();
  });

  it('takes words away that the backend says of itself', () => {
    const told = (systemFingerprint: string, serviceTier: string): unknown => {
      const event = started({ systemFingerprint, serviceTier });
      const left = finish(new CheckedDelta(policy, new Hits(policy, 'org', () => new Uint8Array(1))).started(event, event.event.value as Started));
      if (left !== event) expect(left).toMatchObject({ event: { case: 'started', value: { versionId: 'v', deploymentId: 'd' } } });
      return left === event ? 'as it came' : [(left.event.value as Started).systemFingerprint, (left.event.value as Started).serviceTier];
    };
    expect([told('', ''), told('fp_1', 'hm'), told('fp_bad', 'default'), told('fp', 'abc')]).toEqual(['as it came', 'as it came', ['', 'default'], ['fp', '']]);
  });

  it('finds words in an object of the backend: strings, numbers, and names that are not of the API', () => {
    const isClean = (json: string): boolean => finish(new CheckedDelta(policy, new Hits(policy, 'org', () => new Uint8Array(1))).isClean(Buffer.from(json)));
    expect(['{"prompt_tokens":1,"n":[2,{"x":"fine"}]}', '{"n":["b\\u0061d"]}', '{"n":"abc"}', '{"n":"hm"}', '{"x":{"b\\u0061d":1}}', '{"abc":1}', '{"n":777}', '{"n":7.77e2}'].map(isClean)).toEqual([true, false, false, true, false, false, false, false]);
  });
});
