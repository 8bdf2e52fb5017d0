import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Match } from '../detector.ts';
import { eachCompatibleForm } from './compatible-forms.ts';
import { maskPii } from './mask-pii.ts';
import { piiDetector } from './pii-detector.ts';
import { PII_TYPES, type PiiType } from './pii-type.ts';

const RULES = PII_TYPES.map((type, rule) => ({ rule, type }));

const SAMPLES: readonly (readonly [PiiType, string])[] = [
  ['email', 'jane.doe@example.com'], ['credit_card', '4111 1111 1111 1111'], ['credit_card', '4111111111111111'], ['phone', '13812345678'], ['phone', '+49 30 12345678'],
  ['phone', '(010) 62345678'], ['iban', 'DE89370400440532013000'], ['iban', 'DE89 3704 0044 0532 0130 00'], ['cn_id', '11010519491231002X'], ['ip', '192.168.1.10'],
  ['ip', 'fe80::1'], ['uscc', '91350100M000100Y43'],
];

function find(pieces: Iterable<string>): Match[] {
  const detector = piiDetector(RULES);
  const found: Match[] = [];
  for (const piece of pieces) detector.push(piece);
  detector.end();
  detector.drain(found);
  return found.sort((a, b) => a.start - b.start || a.end - b.end || a.rule - b.rule);
}

const values = (text: string): string[] => [...new Set(find([text]).map(({ rule, start, end }) => `${PII_TYPES[rule]} ${text.slice(start, end)}`))];

/** Whether all of it, from `from` on, is of this type. */
function isCovered(text: string, type: PiiType, from: number, length: number): boolean {
  return find([text]).some(({ rule, start, end }) => PII_TYPES[rule] === type && start <= from && end >= from + length);
}

/** What is a form of each character, by that. */
const FORMS = new Map<string, string[]>();
eachCompatibleForm((code, of) => FORMS.set(of, [...(FORMS.get(of) ?? []), String.fromCodePoint(code)]));

/** What is a letter or a digit as others are, in the forms that texts are written in: of Latin and of Greek, and of full width. */
const isWritten = (code: number): boolean => (code >= 0xc0 && code <= 0x24f) || (code >= 0x370 && code <= 0x52f) || (code >= 0xff01 && code <= 0xff5e && code !== 0xff05);

/** Everything that Unicode has a compatibility form of, or that stands in its place, but the decimal digits and what a text is written in. */
function marks(): string[] {
  const all = [...FORMS.values()].flat();
  for (let code = 0x80; code < 0x20000; code++) {
    const character = String.fromCodePoint(code);
    if ((code < 0xd800 || code > 0xdfff) && !/\p{Nd}/u.test(character) && !isWritten(code) && character.normalize('NFKC') !== character) all.push(character);
  }
  return [...new Set(all)].filter((character) => !['.', '-', '_', '+', '%', '@', ' '].includes(character.normalize('NFKC')) || FORMS.has(character));
}

describe('personal data beside marks', () => {
  it.each<[string, string[]]>([
    ['jane.doe@example.com¹', ['email jane.doe@example.com']],
    ['jane.doe@example.com², and', ['email jane.doe@example.com']],
    ['jane.doe@example.com①', ['email jane.doe@example.com']],
    ['¹jane.doe@example.com', ['email ¹jane.doe@example.com', 'email jane.doe@example.com']],
    ['card 4111 1111 1111 1111¹ x', ['credit_card 4111 1111 1111 1111']],
    ['card 4111111111111111①', ['credit_card 4111111111111111']],
    ['①4111 1111 1111 1111', ['credit_card 4111 1111 1111 1111']],
    ['⑴4111 1111 1111 1111', ['credit_card 4111 1111 1111 1111']],
    ['电话13812345678①地址', ['phone 13812345678']],
    ['电话①13812345678', ['phone 13812345678']],
    ['①13812345678②13912345678', ['phone 13812345678', 'phone 13912345678']],
    ['IBAN DE89370400440532013000¹', ['iban DE89370400440532013000']],
    ['id 11010519491231002X¹', ['cn_id 11010519491231002X']],
    ['at 192.168.1.10², there', ['ip 192.168.1.10', 'ip 192.168.1.10²']],
    ['call +49 30 12345678³', ['phone +49 30 12345678', 'phone +49 30 12345678³']],
  ])('%s', (text, expected) => {
    expect(values(text).sort()).toEqual(expected.sort());
  });

  it.each(['jane@ex①mple.com²', '①3812345678①', '①③812345678¹', '²4①11 1111 1111 1111¹'])('is not found with one mark inside and one beside it: %s', (text) => {
    expect(values(text)).toEqual([]);
  });

  it('is found before and behind everything that has a compatibility form', () => {
    const hidden: string[] = [];
    const all = marks();
    expect(all.length).toBeGreaterThan(4_000);
    // Each sample with a share of the marks; each mark with two samples.
    all.forEach((mark, index) => {
      for (const [type, sample] of [SAMPLES[index % SAMPLES.length]!, SAMPLES[(index * 7 + 5) % SAMPLES.length]!]) {
        if (!isCovered(mark + sample, type, mark.length, sample.length)) hidden.push(`${mark.codePointAt(0)!.toString(16)} before ${sample}`);
        if (!isCovered(sample + mark, type, 0, sample.length)) hidden.push(`${mark.codePointAt(0)!.toString(16)} behind ${sample}`);
      }
    });
    expect(hidden).toEqual([]);
  });

  it('is found where marks stand on both sides, wherever the text is cut', () => {
    const some = fc.constantFrom('¹', '①', '⁺', 'ª', '⑴', '❶', '𝐣', '🄰', '🇩', '℡', '½', '⑩', '﹫', '\u{1f600}', ' ');
    fc.assert(fc.property(fc.constantFrom(...SAMPLES), fc.array(some, { maxLength: 3 }), fc.array(some, { maxLength: 3 }), fc.nat(40), ([type, sample], before, behind, cut) => {
      const text = before.join('') + sample + behind.join('');
      expect({ text, isCovered: isCovered(text, type, before.join('').length, sample.length) }).toEqual({ text, isCovered: true });
      expect(find([text.slice(0, cut), text.slice(cut)])).toEqual(find([text]));
      expect(find(text.split(''))).toEqual(find([text]));
    }), { numRuns: 400 });
  });
});

describe('personal data in marks', () => {
  it('is read where any of it is in another form', () => {
    const hidden: string[] = [];
    for (const [type, sample] of SAMPLES) {
      [...sample].forEach((character, at) => {
        for (const form of FORMS.get(character) ?? []) {
          const text = sample.slice(0, at) + form + sample.slice(at + 1);
          if (!isCovered(text, type, 0, text.length)) hidden.push(text);
        }
      });
    }
    expect(hidden).toEqual([]);
  });

  it('is read where all of it is, in a mixture of forms', () => {
    fc.assert(fc.property(fc.constantFrom(...SAMPLES), fc.array(fc.nat(60), { minLength: 30, maxLength: 30 }), ([type, sample], picks) => {
      const text = [...sample].map((character, index) => {
        const forms = [character, ...(FORMS.get(character) ?? [])];
        return forms[picks[index]! % forms.length]!;
      }).join('');
      expect({ text, isCovered: isCovered(text, type, 0, text.length) }).toEqual({ text, isCovered: true });
      const left = find([text]).reduceRight((masked, { rule, start, end }) => (start === 0 && end === text.length ? maskPii(PII_TYPES[rule]!, text) : masked), text);
      expect(left).not.toBe(text);
    }), { numRuns: 400 });
  });

  it.each(['❹❶❶❶ ❶❶❶❶ ❶❶❶❶ ❶❶❶❶', '⓸⓵⓵⓵ ⓵⓵⓵⓵ ⓵⓵⓵⓵ ⓵⓵⓵⓵', '➃➀➀➀ ➀➀➀➀ ➀➀➀➀ ➀➀➀➀', '➍➊➊➊ ➊➊➊➊ ➊➊➊➊ ➊➊➊➊', '⑷⑴⑴⑴ ⑴⑴⑴⑴ ⑴⑴⑴⑴ ⑴⑴⑴⑴', '⒋⒈⒈⒈ ⒈⒈⒈⒈ ⒈⒈⒈⒈ ⒈⒈⒈⒈', '④¹₁❶ ①➀⓵⑴ 1١１𝟏 1111'])('%s', (text) => {
    expect(values(text)).toEqual([`credit_card ${text}`]);
  });

  it('leaves nothing to see of what it hides', () => {
    expect(maskPii('credit_card', '④①①① ①①①① ①①①① ①①①①')).toBe('**** **** **** ①①①①');
    expect(maskPii('phone', '❶❸❽❶❷❸❹❺❻❼❽')).toBe('❶❸❽****❺❻❼❽');
    expect(maskPii('email', '𝐣𝐚𝐧𝐞﹫example․com')).toBe('𝐣***﹫example․com');
    expect(maskPii('ip', '①92․168․1․10')).toBe('①92․168.*.*');
    expect(maskPii('ip', 'fe80﹕﹕1﹕2')).toBe('fe80﹕:*');
    expect(maskPii('ip', '１９２．168．1．10')).toBe('１９２．168.*.*');
  });

  it('is not read where one sign stands for several digits, or where a mark stands between', () => {
    for (const text of ['⑬⑧①②③④⑤⑥⑦⑧', '4111①1111①1111①1111 x', 'a²+b²=c²', 'v①②③', '½ ⅓ 🄀']) expect([text, values(text)]).toEqual([text, []]);
  });
});

describe('what nobody sees', () => {
  it('is read through: strokes, tags, fillers', () => {
    for (const between of ['\u0336', '\u0301\u0332', '\u20dd', '\u034f', '\u061c', '\u3164', '\u{e0061}', '\u{e0100}', '\u{e0020}\u{e007f}']) {
      const text = [...'13812345678'].join(between);
      expect([text, values(text)]).toEqual([text, [`phone ${text}`]]);
    }
    expect(values('jose\u0301@example.com')).toEqual(['email jose\u0301@example.com']);
    expect(values([...'13812345678'].join('\u{e0061}'.repeat(9)))).toEqual([]);
  });

  it('is no letter although it stands among letters', () => {
    for (const sign of ['\u037e', '\u0387', '\u0374', '\u0482', '×']) expect(values(`4111 1111 1111 1111${sign}`)).toEqual(['credit_card 4111 1111 1111 1111']);
  });

  it.each(['\u2002', '\u2003', '\u2004', '\u2005', '\u2006', '\u2008', '\u200a', '\u205f', '\u1680', '\u2000'])('is a blank of any width', (blank) => {
    const text = ['4111', '1111', '1111', '1111'].join(blank);
    expect(values(text)).toEqual([`credit_card ${text}`]);
  });
});

describe('a text with marks', () => {
  interface Told {
    readonly found: ReadonlySet<string>;
    /** What is let go while more may follow. */
    readonly frontier: number;
  }
  function told(text: string, types: typeof RULES): Told {
    const detector = piiDetector(types);
    detector.push(text);
    const { frontier } = detector;
    detector.end();
    const found: Match[] = [];
    detector.drain(found);
    return { found: new Set(found.map(({ rule, start, end }) => `${PII_TYPES[rule]} ${start}-${end}`)), frontier };
  }
  const PHONES = RULES.filter(({ type }) => type === 'phone');
  const pieces = fc.oneof(
    fc.constantFrom('¹', '①', '⁺', 'ª', '❸', '₈', 'ⓐ', '﹫', '․', '⁽', '﹕', '⓪'),
    fc.constantFrom('phone ', 'phone', 'tel: ', '785 8949', '138', '12345678', '4111 1111 ', '1111', ' ', '-', '(010) 6', '62345678', 'li@qq', '.com', 'DE89 3704 0044 0532 01', '30 00', '10.0', '.0.1', 'fe80:', ':1', 'x', '\u200b'.repeat(5), '。'),
    fc.constantFrom('a long row of plain words before it all ends, ', '我们在这里写一些没有意义的话，我们在这里写一些没有意义的话，我们在这里写一些没有意义的话。', 'abcdefghij'.repeat(7)),
  );
  const MARKS = new Map([...FORMS].flatMap(([of, forms]) => forms.filter((form) => form.length === 1).map((form): [string, string] => [form, of])));
  const replaced = (text: string, by: (of: string) => string): string => [...text].map((character) => (MARKS.has(character) ? by(MARKS.get(character)!) : character)).join('');

  function expectBothReadings(text: string, types: typeof RULES): void {
    const [forms, ends] = [told(replaced(text, (of) => of), types), told(replaced(text, () => '。'), types)];
    expect({ text, ...told(text, types) }).toEqual({ text, found: new Set([...forms.found, ...ends.found]), frontier: Math.min(forms.frontier, ends.frontier) });
  }

  it('is read as if the marks were what they are a form of, and as if they were the end of a sentence, and in no other way', () => {
    fc.assert(fc.property(fc.array(pieces, { maxLength: 14 }), fc.boolean(), (some, allTypes) => {
      expectBothReadings(some.join(''), allTypes ? RULES : PHONES);
    }), { numRuns: 3_000, examples: [
      [['phone 785', '¹', ' 8949'], true], [['phone 7', '❽', '5 8949'], true], [['1381', '\u200b'.repeat(5), '①'], true], [['138', '\u200b'.repeat(8), '①', '2345678'], true],
      [['x', '①', '12'], false], [['abcdefghij'.repeat(7), '①', '@qq.com'], true], [['13812345', '\u200b'.repeat(5), '⁽', '\u200b'.repeat(5), '678'], true],
    ] });
  });

  it('is read so inside of long rows of numbers, too', () => {
    const numbers = fc.constantFrom('4111 1111 1111 1111 ', '1111 ', '138 1234 5678 ', '139 ', '1', '8 ', '6222 0', '020 ', '①', '¹', '④', '⁻', '-');
    fc.assert(fc.property(fc.array(numbers, { maxLength: 16 }), fc.boolean(), (some, allTypes) => expectBothReadings(some.join(''), allTypes ? RULES : PHONES)), { numRuns: 3_000 });
  });
});
