import fc from 'fast-check';

/** Source texts of one JSON string: every unit as it is, or escaped in one of the ways that RFC 8259 knows. */
function stringSource(units: readonly string[], ways: readonly number[]): string {
  const escaped = units.map((unit, index) => {
    const way = ways[index % ways.length]! % 3;
    const hex = unit.charCodeAt(0).toString(16).padStart(4, '0');
    if (way === 1) return `\\u${hex}`;
    if (way === 2) return `\\u${hex.toUpperCase()}`;
    return JSON.stringify(unit).slice(1, -1);
  });
  return `"${escaped.join('')}"`;
}

/** Letters of the words that are looked for, what needs an escape, and both halves of a character outside of the BMP. */
const pieces = fc.array(fc.oneof({ weight: 5, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') }, { weight: 1, arbitrary: fc.constantFrom('"', '\\', '\n', '/', '\u{1f600}', '\u654f', ' ') }), { maxLength: 12 });

const string = fc.tuple(pieces, fc.array(fc.nat(), { minLength: 1, maxLength: 7 })).map(([units, ways]) => stringSource(units.flatMap((unit) => unit.split('')), ways));

const number = fc.oneof(fc.constantFrom('0', '-1.5e+10', '77', '1277', '-77.25'), fc.integer().map(String));
const space = fc.constantFrom('', '', ' ', '\n', ' \t');

/** JSON texts as programs and models write them. */
export const jsonSource: fc.Arbitrary<string> = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, string, number, fc.constantFrom('true', 'false', 'null'), tie('list'), tie('object')),
  list: fc.tuple(fc.array(tie('value'), { maxLength: 4 }), space).map(([values, gap]) => `[${gap}${values.join(`${gap},`)}${gap}]`),
  object: fc.tuple(fc.array(fc.tuple(string, tie('value')), { maxLength: 4 }), space).map(([members, gap]) => `{${members.map(([name, value]) => `${gap}${name}${gap}:${value}`).join(',')}${gap}}`),
})).value;
