import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Piece, Report } from './messages.ts';
import { PieceSender } from './piece-sender.ts';

describe('PieceSender', () => {
  let nowMs: number;
  let sent: { report: Report; arrive: () => void }[];
  let sender: PieceSender;
  beforeEach(() => {
    [nowMs, sent] = [1_000, []];
    sender = new PieceSender(7, (report, arrive) => void sent.push({ report, arrive }), () => nowMs);
  });
  const piece = (text: string, outputTokens = 1): Piece => ({ text, inputTokens: 3, outputTokens, logprobs: [] });
  const texts = (): string[] => sent.map(({ report }) => (report.type === 'piece' ? report.text : report.type));

  it('sends the first piece at once and what comes fast after it together', () => {
    for (const text of ['a', 'b', 'c']) sender.add(piece(text));
    expect(texts()).toEqual(['a']);
    sent[0]!.arrive();
    sender.add(piece('d'));
    expect(texts()).toEqual(['a']);
    nowMs += 16;
    sender.add(piece('e'));
    expect(texts()).toEqual(['a', 'bcde']);
    expect(sent[1]!.report).toEqual({ type: 'piece', id: 7, text: 'bcde', inputTokens: 3, outputTokens: 4, logprobs: [] });
  });

  it('has one message on its way at most, however slow the reader is, and counts what it holds back', () => {
    sender.add(piece('a'));
    for (let count = 0; count < 1_000; count++) {
      nowMs += 1_000;
      sender.add(piece('b'));
    }
    expect(sent).toHaveLength(1);
    sent[0]!.arrive();
    sender.add(piece('c'));
    expect(sent[1]!.report).toMatchObject({ text: `${'b'.repeat(1_000)}c`, outputTokens: 1_001 });
  });

  it('keeps tokens without text for the next that has some, and loses nothing at the end', () => {
    sender.add(piece(''));
    expect(sent).toEqual([]);
    sender.add(piece('a'));
    sender.add(piece('', 1));
    sender.flush();
    sender.flush();
    expect(sent.map(({ report }) => report)).toMatchObject([{ text: 'a', outputTokens: 2 }, { text: '', outputTokens: 1 }]);
  });
});
