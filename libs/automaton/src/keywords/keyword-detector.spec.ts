import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Match } from '../detector.ts';
import { compileKeywords, loadKeywords, serialiseKeywords, wordFault, type KeywordList } from './compile-keywords.ts';
import { keywordDetector } from './keyword-detector.ts';
import { naiveFrontier, naiveMatches, outermost } from './testing/naive-matches.ts';

function find(text: string, ...lists: readonly (readonly KeywordList[])[]): Match[] {
  const detector = keywordDetector(lists.map(compileKeywords));
  detector.push(text);
  detector.end();
  const matches: Match[] = [];
  detector.drain(matches);
  return matches;
}

const found = (text: string, words: readonly string[], more: Partial<KeywordList> = {}) =>
  outermost(find(text, [{ rule: 0, words, ...more }])).map(({ start, end }) => text.slice(start, end));

const order = (matches: readonly Match[]) => outermost(matches).map(({ rule, start, end }) => `${start}-${end}:${rule}`).sort();

/** Letters that are read in no other way and are never doubled in the texts below: then only words as they are can match. */
const SIGNS = ['x', 'y', 'w', 'Ｘ', '法', '轮', '功', '大', ' ', '-', '\u200b', '\u0301', 'ﬀ', '\ud83d\ude00', '\ud83d', '。'];
const LETTERS = ['x', 'y', 'w', 'f', '法', '轮', '功'];
const word = fc.array(fc.constantFrom(...LETTERS), { minLength: 1, maxLength: 4 }).map((letters) => letters.join('')).filter((text) => !/(.)\1/.test(text));
/** Some of its units stand behind a separator; no unit stands beside its like. */
const phrase = fc.array(fc.constantFrom('x', 'y', 'w', '法', ' ', ' ', '-'), { minLength: 1, maxLength: 7 }).map((signs) => signs.join(''))
  .filter((text) => /[^ -]/.test(text) && !/([^ -])[ -]*\1/.test(text));
const list = fc.record({ rule: fc.nat(3), words: fc.array(word, { minLength: 1, maxLength: 5 }), wholeWord: fc.boolean() });
const plainText = fc.array(fc.constantFrom(...SIGNS), { maxLength: 20 }).map((signs) => signs.join('')).filter((text) => !/ﬀ|([xywＸ])[\u200b\u0301]*\1|x[\u200b\u0301]*Ｘ|Ｘ[\u200b\u0301]*x/.test(text));
/** Words of three syllables are also found by their sound. */
const lists = fc.array(list, { minLength: 1, maxLength: 3 }).filter((all) => all.every(({ words }) => words.every((one) => one.length < 3 || /[a-z]/.test(one))));

describe('keywordDetector', () => {
  it('finds what looking at every place for every word finds', () => {
    fc.assert(fc.property(plainText, lists, (text, all) => {
      expect(order(find(text, all.slice(0, 1), all.slice(1)))).toEqual(order(naiveMatches(text, all)));
    }), { numRuns: 1500 });
  });

  it('finds words that were listed with separators, with them and without', () => {
    const phrases = fc.array(fc.record({ rule: fc.nat(3), words: fc.array(phrase, { minLength: 1, maxLength: 5 }), wholeWord: fc.boolean() }), { minLength: 1, maxLength: 3 });
    fc.assert(fc.property(plainText, phrases, (text, all) => {
      const detector = keywordDetector([compileKeywords(all)]);
      for (let at = 0; at < text.length; at++) {
        detector.push(text[at]!);
        const so = text.slice(0, at + 1);
        if (!/[\ud800-\udbff]$/.test(so)) expect(detector.frontier).toBeLessThanOrEqual(naiveFrontier(so, all));
      }
      expect(order(find(text, all))).toEqual(order(naiveMatches(text, all)));
    }), { numRuns: 600 });
  });

  it('leaves English contractions alone, and nothing else that has an apostrophe', () => {
    const words = ['hell', 'shell', 'were', 'id', 'cant', 'wont', 'its', 'wed', 'ill', 'whore', 'shit', 'fuck', 'cunt', 'tits', 'dont'];
    for (const text of ["he'll go", 'SHE\u2019LL', "so we're here", "I'd", "you can't.", 'they won\u2019t', "it's", "we'd", "I'll", "who're", "'he'll'", "don't"]) expect({ text, found: found(text, words) }).toEqual({ text, found: [] });
    for (const [text, hit] of [["sh'it", "sh'it"], ["shi't", "shi't"], ["f'u'c'k", "f'u'c'k"], ["h'ell", "h'ell"], ["hel'l", "hel'l"], ["h'e'll", "h'e'll"], ["he''ll", "he''ll"], ["he-'ll", "he-'ll"], ["cun't", "cun't"],
      ["tit's", "tit's"], ['he`ll', 'he`ll'], ["he'\u200bll", "he'\u200bll"], ["he 'll and hell", 'hell'], ['what the hell', 'hell']] as const) expect({ text, found: found(text, words) }).toEqual({ text, found: [hit] });
    expect(found("I can't", ["can't"])).toEqual(["can't"]);
    expect(found("I can't, he'll", ['can t', 'cant', 'hell'])).toEqual(["can't"]);
    expect(found("he'lls", ['hell'], { wholeWord: false })).toEqual(["he'll"]);
  });

  it('tells contractions from words however the text is cut', () => {
    const text = "well he'll shou\u200bldn't and sh'it, then she'll hell we're";
    const words = ['hell', 'shit', 'shell', 'were', 'shouldnt'];
    const whole = order(find(text, [{ rule: 0, words }]));
    expect(whole).toHaveLength(3);
    for (let at = 1; at < text.length; at++) {
      for (const pieces of [[text.slice(0, at), text.slice(at)], [text.slice(0, at), ...text.slice(at)]]) {
        const detector = keywordDetector([compileKeywords([{ rule: 0, words }])]);
        for (const piece of pieces) detector.push(piece);
        detector.end();
        const matches: Match[] = [];
        detector.drain(matches);
        expect({ pieces, matches: order(matches) }).toEqual({ pieces, matches: whole });
      }
    }
  });

  it('knows a contraction of any length by what stands before the cut, and after much text', () => {
    const words = ['shouldnt', 'couldnt', 'mightnt', 'theyre', 'those', 'hell'];
    for (const text of ["we shouldn't, SHOULDN\u2019T", "so couldn't we", "it mightn't x", "they're here", "those're, he'll", `${'a '.repeat(40)}shouldn't`]) {
      for (let at = 0; at <= text.length; at++) {
        const detector = keywordDetector([compileKeywords([{ rule: 0, words }])]);
        for (const piece of at === 0 ? text : [text.slice(0, at), text.slice(at)]) detector.push(piece);
        detector.end();
        const matches: Match[] = [];
        detector.drain(matches);
        expect({ text, at, found: matches.map(({ start, end }) => text.slice(start, end)) }).toEqual({ text, at, found: text.startsWith('those') ? ['those'] : [] });
      }
    }
  });

  it('finds a contraction that was listed with its apostrophe also where its letters are repeated', () => {
    expect(found("so he'll", ["he'l"])).toEqual(["he'll"]);
    expect(found("so he'll", ['hel'])).toEqual([]);
    expect(found("so heee'll", ['hel'])).toEqual(["heee'll"]);
  });

  it('holds exactly from where a match may begin, not a unit more', () => {
    fc.assert(fc.property(plainText, lists, (text, all) => {
      const detector = keywordDetector([compileKeywords(all)]);
      for (let at = 0; at < text.length; at++) {
        detector.push(text[at]!);
        const so = text.slice(0, at + 1);
        if (/[\ud800-\udbff]$/.test(so)) continue;
        expect(detector.frontier).toBe(naiveFrontier(so, all));
      }
      detector.end();
      expect(detector.frontier).toBe(text.length);
    }), { numRuns: 600 });
  });

  it('never moves its frontier back, nor reports a match from before it', () => {
    const sign = fc.constantFrom(...SIGNS, 's', 's', 'a', '4', '$', '1', '発', '伦', '攻');
    const any = fc.array(fc.record({ rule: fc.nat(3), words: fc.array(fc.stringMatching(/^[asil法轮功]{1,5}$/), { minLength: 1, maxLength: 4 }), wholeWord: fc.boolean(), allow: fc.boolean() }), { maxLength: 3 });
    fc.assert(fc.property(fc.array(sign, { maxLength: 30 }), any, (signs, all) => {
      const detector = keywordDetector([compileKeywords(all)]);
      let before = 0;
      for (const piece of [...signs, undefined]) {
        if (piece === undefined) detector.end();
        else detector.push(piece);
        const matches: Match[] = [];
        detector.drain(matches);
        for (const { start } of matches) expect(start).toBeGreaterThanOrEqual(before);
        expect(detector.frontier).toBeGreaterThanOrEqual(before);
        before = detector.frontier;
      }
      expect(before).toBe(signs.join('').length);
    }), { numRuns: 1000 });
  });

  it('matches words of letters as a whole, and Han characters anywhere', () => {
    expect(found('an ass, as sure as class assumes; ass', ['ass'])).toEqual(['ass', 'ass']);
    expect(found('你是ass吗', ['ass'])).toEqual(['ass']);
    expect(found('class', ['ass'], { wholeWord: false })).toEqual(['ass']);
    expect(found('他练法轮功了', ['法轮功'])).toEqual(['法轮功']);
  });

  it('looks through disguises', () => {
    for (const text of ['ＦＵＣＫ', 'f u c k', 'f*u--c~k', 'fu\u200bck', 'fúck', 'fυсk', 'fuuuuck', 'ffuucckk', 'phuck'.replace('ph', 'f'), 'f\u00aduck']) expect(found(text, ['fuck'])).toEqual([text]);
    for (const text of ['5h1t', 'sh!t', '$hit', 'shiiit']) expect(found(`so ${text}.`, ['shit'])).toEqual([text]);
    for (const text of ['he11', 'hel1', 'he!!']) expect(found(text, ['hell'])).toEqual([text]);
    for (const text of ['8u115h17', '8ul15h1t', 'bu1!$hit']) expect(found(text, ['bullshit'])).toEqual([text]);
    for (const text of ['法輪功', '法-轮 功', '发轮工', '法 *轮* 功']) expect(found(text, ['法轮功'])).toEqual([text]);
  });

  it('finds a word in capitals that look like other letters than the small ones', () => {
    for (const [word, text] of [['κάνναβη', 'ΚΆΝΝΑΒΗ'], ['ηρωίνη', 'ΗΡΩΊΝΗ'], ['βία', 'Βία'], ['ΒΊΑ', 'βία']] as const) expect(found(text, [word])).toEqual([text]);
    expect(found('ΗΡΩΊΝΗ', ['ηρωίνη'], { allow: true })).toEqual(['ΗΡΩΊΝΗ']);
  });

  it('reads each sign of a word as whichever letter it may stand for', () => {
    const word = fc.array(fc.constantFrom('i', 'l', 'a', 'b'), { minLength: 4, maxLength: 9 }).map((letters) => `m${letters.join('')}m`);
    fc.assert(fc.property(word, fc.array(fc.constantFrom('1', '!', undefined), { minLength: 11, maxLength: 11 }), (plain, signs) => {
      const written = [...plain].map((letter, at) => ('il'.includes(letter) ? (signs[at] ?? letter) : letter)).join('');
      expect(found(`so ${written}.`, [plain])).toEqual([written]);
    }));
  });

  it('takes no number for a word, and no word with fewer letters', () => {
    expect(found('it took 45s on an A55, 455 times', ['ass'])).toEqual([]);
    expect(found('as ashole', ['ass', 'asshole'])).toEqual([]);
    expect(found('aaasssshooole', ['asshole'])).toEqual(['aaasssshooole']);
  });

  it('ends a word at the fifth unit that stands for nothing, and a run at the 33rd letter', () => {
    expect(found('a----b', ['ab'])).toEqual(['a----b']);
    expect(found('a-----b', ['ab'])).toEqual([]);
    expect(found('a\u200b\u200b\u200b\u200b\u200bb', ['ab'])).toEqual([]);
    expect(found(`x${'u'.repeat(32)}ck`, ['xuck'])).toHaveLength(1);
    expect(found(`x${'u'.repeat(33)}ck`, ['xuck'])).toEqual([]);
  });

  it('covers the whole of a character of which a match needs a part', () => {
    expect(found('oﬁ', ['of'], { wholeWord: false })).toEqual(['oﬁ']);
    expect(found('oﬁ', ['of'])).toEqual([]);
  });

  it('lets only what is written alike permit', () => {
    expect(found('Scunthorpe ｓｃｕｎｔｈｏｒｐｅ', ['scunthorpe'], { allow: true })).toHaveLength(2);
    expect(found('5cunthorpe scuunthorpe', ['scunthorpe'], { allow: true })).toEqual([]);
    expect(found('发轮工', ['法轮功'], { allow: true })).toEqual([]);
  });

  it('reports what is found in every set, and of the words of a rule that lie inside of each other the outermost', () => {
    const matches = find('法轮功', [{ rule: 0, words: ['法轮功', '法輪功', '轮功'] }], [{ rule: 1, words: ['法轮功', '功'] }]);
    expect(order(matches)).toEqual(['0-3:0', '0-3:1']);
    expect(order(find('法轮功', [{ rule: 0, words: ['法轮', '法', '轮功'] }, { rule: 1, words: ['轮', '功'] }]))).toEqual(['0-2:0', '1-2:1', '1-3:0', '2-3:1']);
    expect(find('a'.repeat(100), [{ rule: 0, words: Array.from({ length: 50 }, (_, index) => 'a'.repeat(index + 1)), wholeWord: false }])).toHaveLength(51);
  });

  it('says which words can not be looked for', () => {
    expect([wordFault('x'), wordFault(' - '), wordFault(''), wordFault('x'.repeat(255)), wordFault('x'.repeat(256))]).toEqual([undefined, 'empty', 'empty', undefined, 'too long']);
    expect(found('a - b', [' - ', 'x'.repeat(300)])).toEqual([]);
    expect(found('x'.repeat(255), ['x'.repeat(255)])).toHaveLength(1);
  });

  it('is the same after it was serialised, and refuses what was not', () => {
    const compiled = compileKeywords([{ rule: 3, words: ['法轮功', 'asshole'] }]);
    const { words, sounds } = serialiseKeywords(compiled);
    const copy = loadKeywords({ words: words.slice(0), sounds: sounds?.slice(0) });
    const detector = keywordDetector([copy]);
    detector.push('发轮工 aassshole');
    detector.end();
    const matches: Match[] = [];
    detector.drain(matches);
    expect(order(matches)).toEqual(['0-3:3', '4-13:3']);
    expect(() => loadKeywords({ words: words.slice(0, -4), sounds: undefined })).toThrow(RangeError);
    expect(() => loadKeywords({ words: new ArrayBuffer(64), sounds: undefined })).toThrow(RangeError);
    expect(() => loadKeywords({ words: new ArrayBuffer(4), sounds: undefined })).toThrow(RangeError);
  });
});
