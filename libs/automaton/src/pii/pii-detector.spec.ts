import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Match } from '../detector.ts';
import { MOST_INVISIBLE, piiDetector } from './pii-detector.ts';
import { PII_TYPES, type PiiType } from './pii-type.ts';
import { PiiSamples } from './testing/pii-samples.ts';

const ALL = PII_TYPES.map((type, rule) => ({ rule, type }));
const CASES = 1_200;
const SURROUNDINGS: readonly (readonly [string, string])[] = [
  ['', ''], ['我的号码是', '，谢谢'], ['please note ', ' as mine'], ['(', ')'], ['x: ', '.'], ['"', '"'], ['a 5 ', ' of 20'], ['number:', '\n'], ['**', '**'],
];

const sorted = (matches: readonly Match[]): Match[] => [...matches].sort((a, b) => a.start - b.start || a.end - b.end || a.rule - b.rule);

function find(pieces: readonly string[], types = ALL): Match[] {
  const detector = piiDetector(types);
  const found: Match[] = [];
  for (const piece of pieces) detector.push(piece);
  detector.end();
  detector.drain(found);
  return sorted(found);
}

const values = (text: string): string[] => find([text]).map(({ rule, start, end }) => `${PII_TYPES[rule]} ${text.slice(start, end)}`);

function measure(type: PiiType): { recall: number; precision: number } {
  const samples = new PiiSamples(20_261_122);
  const rule = PII_TYPES.indexOf(type);
  let hits = 0;
  let falseHits = 0;
  for (let i = 0; i < CASES; i++) {
    const [before, after] = samples.pick(SURROUNDINGS);
    const value = samples.valid(type);
    const found = find([before + value + after]).filter((match) => match.rule === rule);
    if (found.length === 1 && found[0]!.start === before.length && found[0]!.end === before.length + value.length) hits++;
    const other = i % 3 === 0 ? samples.harmless() : samples.nearMiss(type);
    if (find([before + other + after]).some((match) => match.rule === rule)) falseHits++;
  }
  return { recall: hits / CASES, precision: hits / (hits + falseHits) };
}

describe('what is found', () => {
  it.each(PII_TYPES.filter((type) => type !== 'phone'))('%s: recall and precision are at least 0.99 among near misses', (type) => {
    const { recall, precision } = measure(type);
    expect(recall).toBeGreaterThanOrEqual(0.99);
    expect(precision).toBeGreaterThanOrEqual(0.99);
  });

  it('phone: recall is at least 0.97 and precision at least 0.95 among near misses', () => {
    const { recall, precision } = measure('phone');
    expect(recall).toBeGreaterThanOrEqual(0.97);
    expect(precision).toBeGreaterThanOrEqual(0.95);
  });

  it('reports every type that a span has, and every rule of a type', () => {
    const text = '4367421234567890';
    const card = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => text.slice(0, -1) + String(digit)).find((number) => values(number).length > 0)!;
    expect(values(card)).toEqual([`bank_card ${card}`, `credit_card ${card}`]);
    expect(find([card], [{ rule: 7, type: 'bank_card' }, { rule: 3, type: 'bank_card' }])).toEqual([
      { rule: 3, start: 0, end: 16 }, { rule: 7, start: 0, end: 16 },
    ]);
  });

  it('finds several values in one text, whatever stands between them', () => {
    expect(values('邮箱zhang.san@qq.com,手机138-1234-5678/010-62345678，卡4111 1111 1111 1111 12 IP:fe80::1')).toEqual([
      'email zhang.san@qq.com', 'phone 138-1234-5678', 'phone 010-62345678', 'credit_card 4111 1111 1111 1111', 'ip fe80::1',
    ]);
  });

  it('finds no valid number inside of something longer', () => {
    for (const text of ['A13812345678', '13812345678B', '913812345678', 'NO-13812345678', '4111-1111-1111-1111-2222', 'x4111111111111111', '550e8400-e29b-41d4-a716-446655440000', '12345678901234567890123-13812345678']) {
      expect([text, values(text)]).toEqual([text, []]);
    }
  });

  it('does not take letters for digits, and an extension for one', () => {
    expect(values('(010) 6aDE89 3704')).toEqual([]);
    expect(values('tel 62345678x12')).toEqual(['phone 62345678x12']);
  });

  it('takes a loose number for a phone only after a word that announces one', () => {
    expect(values('room 785 8949')).toEqual([]);
    expect(values('phone: 785 8949')).toEqual(['phone 785 8949']);
    expect(values('fax 2024-10-12')).toEqual([]);
  });

  it('reads a number through characters that nobody sees, up to a number of them', () => {
    const hide = (count: number): string => [...'13812345678'].join('\u200b'.repeat(count));
    expect(find([hide(1)])).toEqual([{ rule: 1, start: 0, end: 21 }]);
    expect(find([hide(MOST_INVISIBLE)])).toHaveLength(1);
    expect(find([hide(MOST_INVISIBLE + 1)])).toEqual([]);
    expect(values('1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8')).toHaveLength(1);
  });

  it('reads full width', () => {
    expect(values('１３８１２３４５６７８ ｌｉ＠ｑｑ．ｃｏｍ')).toEqual(['phone １３８１２３４５６７８', 'email ｌｉ＠ｑｑ．ｃｏｍ']);
  });

  it('looks only for the types it was made with', () => {
    const text = 'li@qq.com 13812345678 4111111111111111 10.0.0.1';
    for (const [type, count] of [['email', 1], ['phone', 1], ['credit_card', 1], ['ip', 1], ['iban', 0]] as const) {
      expect([type, find([text], [{ rule: 0, type }]).length]).toEqual([type, count]);
    }
    expect(find([text], [])).toEqual([]);
  });
});

const SIGNS = ['1', '3', '8', '0', '4', '9', 'a', 'G', 'x', 'X', '@', '.', '-', ' ', ':', '(', ')', '+', '_', '中', '\u200b', '１', '\ud83d', '\n', '①', '¹', '𝐣', '❸', '\udcda'];
const fragments = fc.oneof(
  fc.constantFrom(...SIGNS),
  fc.constantFrom('138', '1234', '5678', '4111', '+86', '010', '62345678', '10.0', '.0.1', 'fe80:', ':1', 'a@b', '.com', 'GB82 ', 'WEST ', 'phone ', '6222', 'ext'),
  fc.integer({ min: 0, max: 9_999 }).map((seed) => new PiiSamples(seed).valid(PII_TYPES[seed % PII_TYPES.length]!)),
);
const texts = fc.array(fragments, { maxLength: 12 }).map((parts) => parts.join(''));
const cut = (text: string, places: readonly number[]): string[] => {
  const borders = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  return borders.slice(1).map((border, i) => text.slice(borders[i], border));
};

describe('the stream', () => {
  it('gives the same for every way to cut the text', () => {
    fc.assert(fc.property(texts, fc.array(fc.nat(500), { maxLength: 8 }), (text, places) => {
      expect(find(cut(text, places))).toEqual(find([text]));
    }), { numRuns: 300 });
  });

  it('gives the same for all splits of short texts', () => {
    for (const text of ['a@b.co 1::2', '+8613812345', '(010)6234567', '138 1234-567', 'GB82 WEST 12', '1.1.1.1:::1']) {
      const whole = find([text]);
      for (let mask = 0; mask < 2 ** (text.length - 1); mask++) {
        const pieces: string[] = [''];
        for (let i = 0; i < text.length; i++) {
          pieces[pieces.length - 1] += text.charAt(i);
          if ((mask >> i) & 1) pieces.push('');
        }
        if (JSON.stringify(find(pieces)) !== JSON.stringify(whole)) throw new Error(`${text} cut as ${pieces.join('|')}`);
      }
    }
  });

  /** What of the contract is broken when the text comes unit by unit and the frontier is taken to be `ahead` of what it is. */
  function broken(text: string, ahead = 0): string | undefined {
    const detector = piiDetector(ALL);
    let shown = 0;
    for (let i = 0; i <= text.length; i++) {
      if (i < text.length) detector.push(text.charAt(i));
      else detector.end();
      const found: Match[] = [];
      detector.drain(found);
      if (found.some((match) => match.start < shown)) return `a match begins before ${shown}`;
      if (detector.frontier + ahead < shown) return `the frontier went back from ${shown}`;
      if (detector.frontier > i + 1) return 'the frontier is ahead of the text';
      shown = detector.frontier + ahead;
    }
    return detector.frontier === text.length ? undefined : 'something is held after the end';
  }

  it('never reports a match that begins before the frontier it has shown, and never moves the frontier back', () => {
    fc.assert(fc.property(texts, (text) => {
      expect(broken(text)).toBeUndefined();
    }), { numRuns: 600 });
  });

  it('holds no character too few: one less would let the beginning of a match go', () => {
    for (const text of ['13812345678', ' li@qq.com', 'x (010)62345678', '::1', 'GB82 WEST 1234 5698 7654 32']) {
      expect([text, broken(text, 1)]).toEqual([text, expect.stringContaining('a match begins before')]);
    }
  });

  it('holds nothing of a text without candidates, and of words the last alone', () => {
    const detector = piiDetector(ALL);
    for (const piece of ['你好，世界。', '今天天气很好！', '\n\n', 'hello ', 'world, ']) {
      detector.push(piece);
    }
    expect(detector.frontier).toBe('你好，世界。今天天气很好！\n\nhello world, '.length);
    detector.push('and the la');
    expect(detector.frontier).toBe('你好，世界。今天天气很好！\n\nhello world, and the '.length);
  });

  it('holds no words when only numbers are looked for', () => {
    const detector = piiDetector([{ rule: 0, type: 'phone' }]);
    detector.push('a word and telep');
    expect(detector.frontier).toBe(16);
    detector.push('hone 785 89');
    expect(detector.frontier).toBe(23 - 2);
  });

  it('holds a bounded length of whatever comes', () => {
    for (const unit of ['a', '1', '1 ', 'a@', '1:', '-', '(', '1\u200b', '+1 ', 'GB82 ', 'a.', '12-']) {
      const detector = piiDetector(ALL);
      let most = 0;
      for (let length = 0; length < 4_000; length += unit.length) {
        detector.push(unit);
        most = Math.max(most, length + unit.length - detector.frontier);
      }
      expect([unit, most < 700]).toEqual([unit, true]);
    }
  });
});
