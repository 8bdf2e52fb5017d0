/** What a file is called by rather than a host: `icon@2x.png`. */
const FILE_ENDINGS = new Set(['png', 'jpg', 'jpeg', 'gif', 'svg', 'webp', 'bmp', 'ico', 'pdf', 'css', 'scss', 'js', 'mjs', 'ts', 'tsx', 'jsx', 'json', 'html', 'htm', 'txt', 'xml', 'yml', 'yaml', 'lock']);

export const LONGEST_LOCAL_PART = 64;
/** RFC 5321, section 4.5.3.1: 64 for the local part, 255 for the domain, and the sign between. */
export const LONGEST_EMAIL = 320;

const DOMAIN = /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+(?:xn--[a-z0-9-]{2,59}|\p{L}{2,24})(?![\p{L}\p{N}])/iu;

/** Where the local part begins that ends before the sign: letters, digits and `_%+-`, with single dots between them. */
function localPartStart(word: string, at: number): number {
  let start = at;
  while (start > 0 && word[start - 1] !== '@' && !(word[start - 1] === '.' && (start === at || word[start] === '.'))) start--;
  return word[start] === '.' ? start + 1 : start;
}

/**
 * The addresses (RFC 5322, dot-atom form) in a word of letters, digits and `._%+-@`, as pairs of offsets. A word
 * is at most 320 long, so that looking at both sides of each sign stays cheap.
 */
export function findEmails(word: string): [number, number][] {
  const found: [number, number][] = [];
  for (let at = word.indexOf('@'); at > 0; at = word.indexOf('@', at + 1)) {
    const start = localPartStart(word, at);
    const domain = DOMAIN.exec(word.slice(at + 1))?.[0];
    if (start === at || domain === undefined || at - start > LONGEST_LOCAL_PART) continue;
    const end = at + 1 + domain.length;
    if (word[start - 1] === '@' || word[end] === '@') continue;
    if (!FILE_ENDINGS.has(domain.slice(domain.lastIndexOf('.') + 1).toLowerCase())) found.push([start, end]);
  }
  return found;
}
