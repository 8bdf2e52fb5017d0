/** Where characters stand that are a letter, a digit or a sign of ASCII in another form: raised, lowered, small, in a circle, in brackets, mathematical. */
const FORMS = [
  [0xaa, 0xba], [0x2b0, 0x2b8], [0x2e1, 0x2e3], [0x1d2c, 0x1d65], [0x1d9c, 0x1dbb], [0x2024, 0x2024], [0x2070, 0x209c], [0x2102, 0x2149], [0x2160, 0x217f],
  [0x2460, 0x24ea], [0x2c7c, 0x2c7d], [0xfb29, 0xfb29], [0xfe13, 0xfe13],
  [0xfe33, 0xfe36], [0xfe4d, 0xfe6b], [0xff05, 0xff05], [0x1ccd6, 0x1ccef], [0x1d400, 0x1d6a3], [0x1f100, 0x1f14f],
] as const;

/** What stands around it in its compatibility form, as in those of `⑴` and `⒈`. */
const AROUND = /[().,](?=.)|(?<=.)[().,]/g;

/** Likewise, but without a form of which Unicode knows: black circles, double circles, circles of other type, squares, and the letters of flags. */
const FORMLESS = [
  [0x24f5, 0x24fd, '1'], [0x24ff, 0x24ff, '0'], [0x2776, 0x277e, '1'], [0x2780, 0x2788, '1'], [0x278a, 0x2792, '1'], [0x1f10b, 0x1f10b, '0'], [0x1f10c, 0x1f10c, '0'],
  [0x1f150, 0x1f169, 'A'], [0x1f170, 0x1f189, 'A'], [0x1f1e6, 0x1f1ff, 'A'],
] as const;

/** Tells each such character, and the one character that it is a form of; of those that are forms of several, as `⑩`, none. */
export function eachCompatibleForm(tell: (code: number, of: string) => void): void {
  for (const [from, to] of FORMS) {
    for (let code = from; code <= to; code++) {
      const character = String.fromCodePoint(code);
      const of = character.normalize('NFKC').replace(AROUND, '');
      if (of.length === 1 && of !== character) tell(code, of);
    }
  }
  for (const [from, to, first] of FORMLESS) {
    for (let code = from; code <= to; code++) tell(code, String.fromCharCode(first.charCodeAt(0) + code - from));
  }
}
