import { describe, expect, it } from '@jest/globals';
import type { Match } from '../detector.ts';
import { compileKeywords } from './compile-keywords.ts';
import { keywordDetector } from './keyword-detector.ts';

/** Words as blocklists have them: short ones above all, as they lie across the borders of other words. */
const WORDS = [
  'anal', 'anus', 'arse', 'ass', 'asshole', 'bastard', 'bitch', 'boob', 'butt', 'clit', 'cock', 'coon', 'crap', 'cum', 'cunt', 'damn', 'dick', 'dyke', 'fag', 'fuck',
  'hell', 'homo', 'incest', 'jizz', 'kike', 'knob', 'muff', 'nazi', 'nude', 'orgy', 'paki', 'penis', 'piss', 'poof', 'porn', 'prick', 'pussy', 'rape', 'rapist', 'scat', 'sex',
  'shit', 'slut', 'smut', 'spic', 'suck', 'tit', 'tosser', 'tranny', 'turd', 'twat', 'vagina', 'wank', 'whore', 'xxx', 'yid', 'nipple', 'semen', 'rectum', 'anilingus',
];
const PHRASES = ['project nightingale', 'fuck you', 'jack-off', 'a s s hat', '草泥马', '法 轮 功', 'falun 功法'];

/** Each has a listed word across a border of words, or in parts. */
const INNOCENT = [
  'an al dente pasta', 'an alarming report', 'an ally of an albatross', 'vitamin a nal', 'urban usage of banus', 'an us citizen', 'a nuser manual', 'a rsenal of ideas', 'far sea travel',
  'clear section two', 'as she said', 'as sure as ever', 'was so late', 'gas station', 'a ss officer', 'as s', 'mass hole punch', 'glass holes', 'as she ole', 'a bast ard',
  'bit characters', 'a bit chilly', 'rabbi tch', 'bo ob', 'but the rest', 'but too late', 'a pub utterance', 'but terms apply', 'music lit up', 'rustic literature', 'comic lit class',
  'doc kept it', 'a magic ocktail', 'disco once more', 'taco on a plate', 'a zinc rapier', 'basic rap music', 'music um and er', 'thic um', 'mac untied', 'fun c unt',
  'a dam noted here', 'salad amnesty', 'dic kept', 'sporadic kinds of', 'gla dic k', 'body kept', 'day dyk eland', 'of a group', 'chef agreed', 'if uck', 'brief uckfield trip', 'fuc kind',
  'wish ell', 'the llama', 'she ll be', 'who more than', 'tho mo', 'in cest la vie', 'raj izzard', 'like kik enya', 'ten azimuths', 'in nud e', 'bun udedly', 'minor gym', 'for gy', 'pa kids',
  'a pak in', 'open is fine', 'pen is mightier', 'the pen is red', 'stamp iss ued', 'a map is sold', 'too fast', 'spo of', 'shop or not', 'stop or nothing', 'up rick', 'pus sy', 'tip us systems', 'opus system',
  'soap era', 'rap every day', 'a trap easily', 'grap ists', 'the rap ist', 'yes cat', 'this cat', 'his category', 's cat ter', 'see xylophones', 'is ex libris', 'these x axes',
  'wish it were so', 'posh items', 'fish it out', 'his lutes', 'is mutable', 'this mutation', 'is pic nice', 'his picture', 'is uckfield', 'us uck', 'it is a test it', 'that it is', 'tos serve',
  'at ran nylon', 'met urdu', 'but what a day', 'two at a time', 'brow ankle', 'low ankles', 'who rendered', 'six xx', 'by id', 'many ideas', 'nip ple', 'these men', 'his e men', 'dire ctum',
  'no project for a night in gale', 'fall under 功 law',
];

/** Spelled out, or parted by what no innocent text has there. */
const EVASIONS: readonly (readonly [text: string, found: string])[] = [
  ['f u c k', 'f u c k'], ['f. u. c. k', 'f. u. c. k'], ['so f  u  c  k it', 'f  u  c  k'], ['F U C K!', 'F U C K'], ['f-u c_k', 'f-u c_k'], ['f\nu\nc\nk', 'f\nu\nc\nk'], ['f\u00a0u\u3000c k', 'f\u00a0u\u3000c k'],
  ['f-uck', 'f-uck'], ['fu.ck', 'fu.ck'], ['f**uck', 'f**uck'], ['fuc----k', 'fuc----k'], ['a-n-al', 'a-n-al'], ['an.al', 'an.al'], ['a n a l', 'a n a l'], ['a s s', 'a s s'], ['a-s s', 'a-s s'],
  ['5 h 1 t', '5 h 1 t'], ['s h ! t', 's h ! t'], ['fu\u200bck', 'fu\u200bck'], ['p e n i s', 'p e n i s'], ['p · o · r · n', 'p · o · r · n'], ['| p | o | r | n |', 'p | o | r | n'], ['ｆ ｕ ｃ ｋ', 'ｆ ｕ ｃ ｋ'],
  ['Project Nightingale', 'Project Nightingale'], ['projectnightingale', 'projectnightingale'], ['project - nightingale', 'project - nightingale'], ['project\nnightingale', 'project\nnightingale'],
  ['p r o j e c t nightingale', 'p r o j e c t nightingale'], ['p r o j e c t n i g h t i n g a l e', 'p r o j e c t n i g h t i n g a l e'], ['proj-ect night_ingale', 'proj-ect night_ingale'],
  ['f u c k you', 'f u c k you'], ['fuck y o u', 'fuck y o u'], ['fuuuck you', 'fuuuck you'], ['fuck youuu', 'fuck youuu'], ['jack off', 'jack off'], ['jackoff', 'jackoff'], ['asshat', 'asshat'], ['as s hat', 'as s hat'],
  ['草 泥 马', '草 泥 马'], ['草 泥马', '草 泥马'], ['法轮功', '法轮功'], ['法轮 功', '法轮 功'], ['falun 功 法', 'falun 功 法'], ['falun功法', 'falun功法'], ['f a l u n 功法', 'f a l u n 功法'],
];

function found(text: string, pieces: readonly string[]): string[] {
  const detector = keywordDetector([COMPILED]);
  for (const piece of pieces) detector.push(piece);
  detector.end();
  const matches: Match[] = [];
  detector.drain(matches);
  return matches.map(({ start, end }) => text.slice(start, end));
}
const COMPILED = compileKeywords([{ rule: 0, words: [...WORDS, ...PHRASES] }]);

describe('white space in words', () => {
  it('has enough of innocent phrases, of which each would be found without its white space or is near to it', () => {
    expect(new Set(INNOCENT).size).toBeGreaterThanOrEqual(120);
    const anywhere = keywordDetector([compileKeywords([{ rule: 0, words: WORDS, wholeWord: false }])]);
    anywhere.push(INNOCENT.map((phrase) => phrase.replaceAll(' ', '')).join('.\n.\n.\n'));
    anywhere.end();
    const matches: Match[] = [];
    anywhere.drain(matches);
    expect(matches.length).toBeGreaterThan(60);
  });

  it.each(INNOCENT)('finds nothing in %j', (phrase) => {
    expect(found(phrase, [phrase])).toEqual([]);
    expect(found(phrase, [...phrase])).toEqual([]);
  });

  it.each(EVASIONS)('finds in %j', (text, match) => {
    expect(found(text, [text])).toContain(match);
    expect(found(text, [...text])).toContain(match);
  });

  it('holds a word no longer when white space has parted it', () => {
    const detector = keywordDetector([COMPILED]);
    const frontiers = ['an', ' ', 'al', 'so f ', 'u', ' ', 'c'].map((piece) => {
      detector.push(piece);
      return detector.frontier;
    });
    expect(frontiers).toEqual([0, 3, 5, 8, 8, 8, 8]);
  });
});
