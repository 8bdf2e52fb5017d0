import fc from 'fast-check';

/** A text in pieces, cut anywhere, also inside of a surrogate pair. */
export function cutAt(text: string, cuts: readonly number[]): string[] {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((left, right) => left - right);
  return [0, ...places].map((from, index) => text.slice(from, places[index] ?? text.length)).filter((piece) => piece !== '');
}

export const cuts = fc.array(fc.nat(), { maxLength: 12 });

/** All ways to cut a text in two or three. */
export function* allCuts(text: string): Generator<string[]> {
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) yield [text.slice(0, first), text.slice(first, second), text.slice(second)];
  }
}
