import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Token } from 'node-llama-cpp';
import { AnswerText } from './answer-text.ts';
import { StopStrings } from './stop-strings.ts';
import { TokenText } from './token-text.ts';

/** Where the first stop string is completed, by looking at the whole text. */
function cutAt(text: string, stops: readonly string[]): string | undefined {
  for (let end = 1; end <= text.length; end++) {
    const done = stops.filter((stop) => text.slice(0, end).endsWith(stop)).sort((a, b) => b.length - a.length)[0];
    if (done !== undefined) return text.slice(0, end - done.length);
  }
  return undefined;
}

const fewLetters = (limits: fc.StringConstraints) => fc.string({ unit: fc.constantFrom('a', 'b', 'é'), ...limits });
const pieces = fc.array(fewLetters({ maxLength: 4 }), { maxLength: 12 });
const stops = fc.array(fewLetters({ minLength: 1, maxLength: 4 }), { maxLength: 3 });

describe('StopStrings', () => {
  it('ends before the first completed stop string, however the text is cut', () => {
    fc.assert(
      fc.property(pieces, stops, (given, stopList) => {
        const filter = new StopStrings(stopList);
        let out = '';
        let stopped = false;
        for (const piece of given) {
          const released = filter.push(piece);
          out += released.text;
          if ((stopped = released.stopped)) break;
        }
        if (!stopped) out += filter.flush();
        const whole = given.join('');
        const expected = cutAt(whole, stopList);
        expect({ out, stopped }).toEqual({ out: expected ?? whole, stopped: expected !== undefined });
      }),
      { numRuns: 500 },
    );
  });

  it('holds back only what may become a stop string', () => {
    const filter = new StopStrings(['END']);
    expect(filter.push('the E')).toEqual({ text: 'the ', stopped: false });
    expect(filter.push('asy EN')).toEqual({ text: 'Easy ', stopped: false });
    expect(filter.push('D of it')).toEqual({ text: '', stopped: true });
  });
});

/** A vocabulary in which each byte is a token, the hardest one for characters of several bytes. */
const byteTokens = (text: string): Token[] => [...Buffer.from(text)] as Token[];
const detokenizeBytes = (tokens: readonly Token[]): string => Buffer.from(tokens).toString('utf8');

describe('TokenText', () => {
  it('never cuts a character, and loses none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.toWellFormed().replaceAll('\uFFFD', '')), (text) => {
        const tokens = new TokenText(detokenizeBytes, []);
        const parts = byteTokens(text).map((token) => tokens.push(token));
        for (const part of parts) expect(part).not.toContain('\uFFFD');
        expect(parts.join('') + tokens.flush()).toBe(text);
      }),
    );
  });

  it('does not wait for ever for bytes that are no character', () => {
    const tokens = new TokenText(detokenizeBytes, []);
    const parts = [0xf0, 0x9f, 0x41, 0x42].map((byte) => tokens.push(byte as Token));
    expect(parts.join('')).toBe('\uFFFDAB');
    tokens.push(0xc3 as Token);
    expect(tokens.flush()).toBe('\uFFFD');
  });
});

describe('AnswerText', () => {
  it('lets the log-probabilities of a token leave with its text, and none of what a stop string took', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '日'), maxLength: 12 }), stops, (text, stopList) => {
        const answer = new AnswerText(new TokenText(detokenizeBytes, []), stopList);
        let out = '';
        let left = '';
        let stopped = false;
        for (const token of byteTokens(text)) {
          const added = answer.push(token, { token, text: String.fromCharCode(token), logprob: -1, top: [] });
          out += added.text;
          left += added.logprobs.map((entry) => entry.text).join('');
          // At every moment what has left stands for the same characters.
          expect(Buffer.from(left, 'latin1').toString('utf8')).toBe(out);
          if ((stopped = added.stopped)) break;
        }
        if (!stopped) {
          const rest = answer.flush();
          out += rest.text;
          left += rest.logprobs.map((entry) => entry.text).join('');
        }
        expect(out).toBe(cutAt(text, stopList) ?? text);
        expect(Buffer.from(left, 'latin1').toString('utf8')).toBe(out);
      }),
    );
  });
});
