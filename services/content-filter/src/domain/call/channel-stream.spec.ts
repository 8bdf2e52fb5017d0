import { describe, expect, it } from '@jest/globals';
import type { ChatEvent, Delta } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { ChannelStream } from './channel-stream.ts';
import { HELD_PIECES_LIMIT } from './limits.ts';
import type { TextMatch } from './policy.ts';
import { cutAt, cuts } from './testing/cut.ts';
import { finish } from './testing/finish.ts';
import { delta } from './testing/events.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'abc', action: 'mask' }, { word: 'bad', action: 'block' }, { word: 'xx', action: 'flag' }]);

function open(): { stream: ChannelStream; found: TextMatch[] } {
  const found: TextMatch[] = [];
  return { stream: new ChannelStream(policy.open('out'), (rule) => policy.rule(rule).action === 'mask', (matches) => found.push(...matches)), found };
}

const withLogprobs = (text: string): ChatEvent => delta(text, { logprobs: { content: [{ token: text }] } });

interface Left {
  text: string;
  logprobs: string;
}

function run(events: readonly ChatEvent[]): { left: Left[]; events: ChatEvent[] } {
  const { stream } = open();
  const into: ChatEvent[] = [];
  for (const event of events) if (finish(stream.push(event, event.event.value as Delta, into))) return { left: into.map(shown), events: into };
  stream.end(into);
  return { left: into.map(shown), events: into };
}

function shown({ event }: ChatEvent): Left {
  const { text, logprobsJson } = event.value as Delta;
  return { text, logprobs: Buffer.from(logprobsJson).toString() };
}

const tokensOf = ({ logprobs }: Left): string[] => (logprobs === '' ? [] : (JSON.parse(logprobs) as { content: { token: string }[] }).content.map(({ token }) => token));

describe('channel stream', () => {
  it('lets log-probabilities leave with the end of their text, and never those of masked text', () => {
    const { left } = run(['see ', 'ab', 'o ', 'ab', 'c', ' end'].map(withLogprobs));
    expect(left.map((each) => [each.text, ...tokensOf(each)])).toEqual([['see ', 'see '], ['ab', 'ab'], ['o ', 'o '], [MASK], [' end', ' end']]);
  });

  it('keeps log-probabilities of a piece whose beginning left before the rest was masked', () => {
    expect(run(['see a', 'bc'].map(withLogprobs)).left).toEqual([{ text: 'see ', logprobs: '' }, { text: MASK, logprobs: '' }]);
  });

  it('never lets out log-probabilities whose text did not leave', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'x', 'abc', 'bad'), { maxLength: 14 }).map((letters) => letters.join('')), cuts, (text, at) => {
        const pieces = cutAt(text, at);
        const { left } = run(pieces.map(withLogprobs));
        expect(left.map((each) => each.text).join('')).toBe(policy.whole(text).text);
        let seen = '';
        for (const each of left) {
          seen += each.text;
          for (const token of tokensOf(each)) expect(seen.endsWith(token)).toBe(true);
        }
        if (policy.whole(text).text === text) expect(left.flatMap(tokensOf)).toEqual(pieces);
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps what is empty in its place, and drops it where it says nothing', () => {
    const { left } = run([delta('ab'), delta(''), withLogprobs(''), delta('d')]);
    expect(left).toEqual([{ text: 'ab', logprobs: '{"content":[{"token":""}]}' }, { text: 'd', logprobs: '' }]);
  });

  it('merges the rest of one piece with the next, and hands over whole ones as they came', () => {
    const events = [delta('xa'), delta('y'), delta('z')];
    const { left, events: out } = run(events);
    expect(left.map(({ text }) => text)).toEqual(['x', 'ay', 'z']);
    expect(out[2]).toBe(events[2]);
  });

  it('lets nothing of what hangs on a piece leave with the text before a block', () => {
    expect(run([withLogprobs('ok ba'), withLogprobs('d')]).left).toEqual([{ text: 'ok ', logprobs: '' }]);
  });

  it('tells what was found, also what it lets pass', () => {
    const { stream, found } = open();
    const event = delta('xxx');
    const into: ChatEvent[] = [];
    expect(finish(stream.push(event, event.event.value as Delta, into))).toBe(false);
    expect(into[0]).toBe(event);
    expect(found).toMatchObject([{ rule: 2, start: 0, end: 2 }, { rule: 2, start: 1, end: 3 }]);
  });

  it('refuses to hold pieces without end', () => {
    const { stream } = open();
    const begin = delta('a');
    finish(stream.push(begin, begin.event.value as Delta, []));
    const empty = withLogprobs('');
    const fill = (): void => {
      for (let count = 0; count <= HELD_PIECES_LIMIT; count++) finish(stream.push(empty, empty.event.value as Delta, []));
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'content_filter_unavailable' }));
    const large = delta('x', { logprobs: 'y'.repeat(6_000_000) });
    expect(() => run([delta('a'), large, large])).not.toThrow();
    const held = delta('', { logprobs: 'y'.repeat(6_000_000) });
    expect(() => run([delta('a'), held, held, held])).toThrow(expect.objectContaining({ code: 'content_filter_unavailable' }));
  });
});
