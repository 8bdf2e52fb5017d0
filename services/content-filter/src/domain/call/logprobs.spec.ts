import { describe, expect, it } from '@jest/globals';
import { Channel, type Delta } from '@sluice/proto/chat/v1/chat';
import { textBeside } from './logprobs.ts';
import { delta } from './testing/events.ts';
import { finish } from './testing/finish.ts';
import { ScriptedPolicy } from './testing/scripted-policy.ts';
import { lookAt } from './whole-text.ts';

const policy = new ScriptedPolicy([{ word: 'bad', action: 'block' }, { word: 'abc', action: 'mask' }]);
const isClean = (text: string): boolean => {
  const { text: left, blockedBy } = finish(lookAt(policy.open('out'), text));
  return blockedBy === undefined && left === text;
};

const entry = (token: string, alternatives: string[] = [], bytes: number[] | null = [...Buffer.from(token)]): object => ({
  token,
  logprob: -0.1,
  bytes,
  top_logprobs: alternatives.map((alternative) => ({ token: alternative, logprob: -2, bytes: [...Buffer.from(alternative)] })),
});

function tells(text: string, logprobs: unknown, channel = Channel.CONTENT): boolean {
  const beside = textBeside(delta(text, { logprobs, channel }).event.value as Delta);
  return beside !== undefined && isClean(beside);
}

describe('log-probabilities', () => {
  it('stay where the tokens spell the piece and the alternatives are clean', () => {
    expect(tells('see it', { content: [entry('see'), entry(' it', [' them', 'b'])], refusal: null })).toBe(true);
    expect(tells('no', { content: null, refusal: [entry('no')] }, Channel.REFUSAL)).toBe(true);
    expect(tells('see', { content: [entry(' see')] })).toBe(true);
  });

  it.each<[string, string, unknown]>([
    ['a token of a later piece', '', { content: [entry('ba')] }],
    ['a token that the piece does not have', 'see it', { content: [entry('see'), entry(' bits')] }],
    ['tokens in another order', 'see it', { content: [entry('it'), entry('see')] }],
    ['bytes that are not those of the token', 'see', { content: [entry('see', [], [...Buffer.from('bad')])] }],
    ['an alternative that is blocked', 'see', { content: [entry('see', ['ok', 'bad'])] }],
    ['an alternative that would be masked', 'see', { content: [entry('see', ['xabc'])] }],
    ['an alternative in bytes alone', 'see', { content: [{ token: 'see', bytes: null, top_logprobs: [{ token: '?', bytes: [...Buffer.from('bad')] }] }] }],
    ['words in a member that nobody knows', 'see', { content: [entry('see')], note: { deep: ['a bad one'] } }],
    ['tokens of another channel', 'see', { content: [entry('see')], refusal: [entry('bad')] }],
    ['words in a name', 'see', { content: [entry('see')], note: [{ 'so bad': 1 }] }],
    ['words in a name beside the token', 'see', { content: [{ ...entry('see'), bad: 1 }] }],
    ['words in a name of an alternative', 'see', { content: [{ token: 'see', top_logprobs: [{ token: 'it', xabc: {} }] }] }],
    ['words in place of bytes', '\0', { content: [{ token: '\0', bytes: ['bad'] }] }],
    ['a name in place of bytes', '\0', { content: [{ token: '\0', bytes: [{ bad: 1 }] }] }],
    ['a number that is no probability', 'see', { content: [{ token: 'see', logprob: 4_111_111_111_111_111 }] }],
    ['no object', 'see', ['see']],
    ['an entry without token', 'see', { content: ['see'] }],
  ])('do not stay with %s', (_what, text, logprobs) => {
    expect(tells(text, logprobs)).toBe(false);
  });

  it('do not stay where a parser hides a member behind another of its name', () => {
    const tells = (source: string): boolean => textBeside({ ...(delta('see').event.value as Delta), logprobsJson: Buffer.from(source) }) !== undefined;
    expect(tells('{"content":[{"token":"see","logprob":-1}]}')).toBe(true);
    expect(tells('{"content":[{"token":"bad","token":"see"}]}')).toBe(false);
    expect(tells('{"note":"bad","note":1,"content":[{"token":"see"}]}')).toBe(false);
    expect(tells('{"content":[{"token":"see","logprob":-3.4028234663852886e+38}]}')).toBe(true);
  });

  it('do not stay when they are no JSON', () => {
    const broken = { ...(delta('see').event.value as Delta), logprobsJson: Buffer.from('{"content":') };
    expect(textBeside(broken)).toBeUndefined();
  });

  it('stay with a character that takes several tokens, of which none has its bytes', () => {
    expect(tells('\u654f!', { content: [entry('\uFFFD', [], null), entry('\uFFFD', [], null), entry('!')] })).toBe(true);
    expect(tells('', { content: [entry('\uFFFD', [], null)] })).toBe(true);
    expect(tells('\u654f', { content: [entry('\uFFFD', [], [0xe6, 0x95])] })).toBe(false);
  });

  it('fails on what nests without end', () => {
    const logprobs = { content: [entry('see')], note: JSON.parse(`${'['.repeat(200)}"x"${']'.repeat(200)}`) as unknown };
    expect(() => tells('see', logprobs)).toThrow(RangeError);
  });
});
