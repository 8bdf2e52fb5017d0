import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonText } from './json-text.ts';
import type { TextMatch } from './policy.ts';
import { allCuts, cutAt, cuts } from './testing/cut.ts';
import { jsonSource } from './testing/json-source.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';

const masking = new ScriptedPolicy([
  { word: 'abc', action: 'mask' },
  { word: 'cd', action: 'mask' },
  { word: '77', action: 'mask' },
  { word: 'bb', action: 'flag' },
  { word: '"a', action: 'mask' },
]);

interface Outcome {
  text: string;
  matches: TextMatch[];
  blocked: boolean;
}

function run(policy: ScriptedPolicy, pieces: readonly string[]): Outcome {
  const stream = new JsonText(policy, 'out');
  let text = '';
  const matches: TextMatch[] = [];
  for (const piece of pieces) {
    const release = stream.push(piece);
    text += release.text;
    matches.push(...release.matches);
    if (release.blockedBy !== undefined) return { text, matches, blocked: true };
  }
  const release = stream.end();
  expect(stream.held).toBe(0);
  return { text: text + release.text, matches: [...matches, ...release.matches], blocked: release.blockedBy !== undefined };
}

/** The whole value with every name, string and number masked for itself; the names in a list, for two may become the same. */
function masked(policy: ScriptedPolicy, source: string): unknown {
  const seen = (value: unknown): unknown => {
    if (typeof value === 'string') return policy.whole(value).text;
    if (Array.isArray(value)) return value.map(seen);
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, member]) => [policy.whole(name).text, seen(member)]));
    return value;
  };
  return seen(JSON.parse(source));
}

describe('JSON text', () => {
  it('masks what strings stand for, wherever the source is cut, and leaves the rest as it was written', () => {
    fc.assert(
      fc.property(jsonSource, cuts, (source, at) => {
        const whole = run(masking, [source]);
        const cut = run(masking, cutAt(source, at));
        expect(cut).toEqual(whole);
        expect(run(masking, [...source])).toEqual(whole);
        const parsed: unknown = JSON.parse(whole.text);
        if (whole.matches.every(({ rule }) => rule === 3)) expect(whole.text).toBe(source);
        else if (!/77/.test(source)) expect(parsed).toEqual(masked(masking, source));
      }),
      { numRuns: 250 },
    );
  });

  it.each([
    ['{"q":"x\\u0061bc\\u0064y"}', `{"q":"x${MASK}y"}`],
    ['{"q":"\\ud83d\\ude00abc\\ud83d\\ude00"}', `{"q":"\\ud83d\\ude00${MASK}\\ud83d\\ude00"}`],
    ['{"ab\\u0063":"a\\nb"}', `{"${MASK}":"a\\nb"}`],
    ['["x\\\\abc\\"", "ab"]', `["x\\\\${MASK}\\"", "ab"]`],
    ['{"n":1277,"m":[77 ,7]}', `{"n":"12${MASK}","m":["${MASK}" ,7]}`],
    [' 77 ', ` "${MASK}" `],
    ['"\\"a"', `"${MASK}"`],
    ['{"cut off":"ab', '{"cut off":"ab'],
    ['{"cut off":"ab\\u00', '{"cut off":"ab\\u00'],
    ['{"odd":"\\q abc \\u12 abc\\uzz"}', `{"odd":"\\q ${MASK} \\\\u12 ${MASK}\\\\uzz"}`],
    ["{bare: 'abc', d: \"xb\\u0063\"}", `{bare: '${MASK}', d: "xb\\u0063"}`],
    ['{name: "ab\\u0063",}', `{name: "${MASK}",}`],
    ['{"raw":"a\nabc"}', `{"raw":"a\n${MASK}"}`],
    ['tell abc, or 7,7 77', `tell ${MASK}, or 7,7 ${MASK}`],
    ['7 77 abc', `7 ${MASK} ${MASK}`],
    ['nabc', `n${MASK}`],
    ['{"a":1}{"b":"ab\\u0063"}', `{"a":1}{"b":"${MASK}"}`],
    ['{"a":1} and abc', `{"a":1} and ${MASK}`],
    ['', ''],
  ])('reads %j, cut in every way', (source, expected) => {
    for (const pieces of allCuts(source)) expect(run(masking, pieces).text).toBe(expected);
  });

  it('lets nothing of a blocked word out, however it is escaped and cut', () => {
    const policy = new ScriptedPolicy([{ word: 'badword', action: 'block' }]);
    const source = '{"first":"bad","q":"say b\\u0061dw\\u006frd now"}';
    for (const pieces of allCuts(source)) expect(run(policy, pieces)).toMatchObject({ text: '{"first":"bad","q":"say ', blocked: true });
  });

  it('lets nothing of a blocked number out', () => {
    const policy = new ScriptedPolicy([{ word: '1234', action: 'block' }]);
    for (const pieces of allCuts('{"a":12, "n":51234,"z":0}')) expect(run(policy, pieces)).toMatchObject({ text: '{"a":12, "n":', blocked: true });
  });

  it('tells matches by their place in the source', () => {
    fc.assert(
      fc.property(jsonSource, cuts, (source, at) => {
        for (const { start, end, text } of run(masking, cutAt(source, at)).matches) {
          const stretch = source.slice(start, end);
          // A number that is written with a point or an exponent may match as the integer that it is.
          if (stretch !== text && /^[-+.\deE]+$/.test(stretch)) expect(String(Number(stretch))).toContain(text);
          else expect(stretch.includes('\\') ? JSON.parse(`"${stretch}"`) : stretch).toBe(text);
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([['[7.7e1]', `["${MASK}"]`], ['{"n": 77.0 ,"m":1}', null], ['{"n":157.7e1}', `{"n":"15${MASK}"}`]])('reads a number as the integer that it is: %s', (source, masked) => {
    const { text, matches } = run(masking, [...source]);
    expect(JSON.parse(text)).toEqual(masked === null ? { n: `${MASK}.0`, m: 1 } : JSON.parse(masked));
    expect(matches).toHaveLength(1);
  });

  it('holds no more than what the text holds, and a number until it is over', () => {
    const stream = new JsonText(masking, 'out');
    const push = (piece: string): [string, number] => [stream.push(piece).text, stream.held];
    expect(push('{"a')).toEqual(['{"', 1]);
    expect(push('\\u006')).toEqual(['', 6]);
    expect(push('2')).toEqual(['', 7]);
    expect(push('x":')).toEqual(['a\\u0062x":', 0]);
    expect(push('12')).toEqual(['', 2]);
    expect(push(' }')).toEqual(['12 }', 0]);
  });

  it('takes a number that has no end for plain text', () => {
    const digits = '1'.repeat(3000);
    expect(run(masking, [`[${digits}`, `${digits}77]`]).text).toBe(`[${digits}${digits}${MASK}]`);
  });
});
