/**
 * How bytes may lie in a text: as they are, in hexadecimal digits, in base64 or base64url, also where they begin in the
 * middle of what was encoded. A text that lies in bytes, which a dump shows in hexadecimal digits, is covered by them.
 */
export function shapesOf(secret: string | Uint8Array): string[] {
  const bytes = Buffer.from(secret as string);
  const encoded = [0, 1, 2].flatMap((offset) => {
    // The first and the last digits also depend on the neighbours of the secret; those in between do not.
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
    const text = shifted.subarray(0, shifted.length - (shifted.length % 3)).toString('base64').slice(Math.ceil((offset * 8) / 6));
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')];
  });
  return [...new Set([...(typeof secret === 'string' ? [secret] : []), bytes.toString('hex'), ...encoded])];
}

/** The shapes in which secrets lie in a text or in bytes; empty when it gives none of them away. */
export function givenAway(secrets: readonly (string | Uint8Array)[], where: string | Buffer): string[] {
  const short = secrets.find((secret) => secret.length < SHORTEST_CHARACTERS);
  if (short !== undefined) throw new Error('A secret this short is found by chance.');
  return secrets.flatMap(shapesOf).filter((shape) => where.includes(shape));
}

/** Below this a secret of a test may stand somewhere by chance, or its shape be empty. */
const SHORTEST_CHARACTERS = 12;
