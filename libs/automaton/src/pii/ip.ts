const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const GROUPS = 8;

/** Four numbers up to 255 without leading zeros. */
export const isIpv4 = (text: string): boolean => IPV4.test(text);

/** RFC 4291, section 2.2, in its three forms. A digit is asked for: `a::b` is more often a name in a program. */
export function isIpv6(text: string): boolean {
  if (!/\d/.test(text) || !text.includes(':')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  const embedded = last.includes('.') && text.endsWith(last);
  if (embedded && !isIpv4(last)) return false;
  const plain = embedded ? groups.slice(0, -1) : groups;
  if (!plain.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  const count = plain.length + (embedded ? 2 : 0);
  // Eight groups of two are an EUI-64 rather than an address.
  return halves.length === 2 ? count < GROUPS : count === GROUPS && plain.some((group) => group.length !== 2);
}

/** The dotted quads in a word, as pairs of offsets: not a part of a longer chain of dots, letters or digits. */
export function findIpv4(word: string): [number, number][] {
  const found: [number, number][] = [];
  for (const run of word.matchAll(/[\p{L}\p{N}_.]+/gu)) {
    const text = run[0].replace(/[._]+$/, '');
    const lead = /^[._]*/.exec(text)![0].length;
    if (isIpv4(text.slice(lead))) found.push([run.index + lead, run.index + text.length]);
  }
  return found;
}
