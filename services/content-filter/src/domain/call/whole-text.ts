import { STRETCH_UNITS } from './limits.ts';
import type { Release, TextMatch, TextStream } from './policy.ts';

/** Looks at a piece of a text. Yields between stretches of a long one, for others to get their turn; what it yields has no meaning. */
export function* pushed(stream: TextStream, piece: string): Generator<void, Release> {
  if (piece.length <= STRETCH_UNITS) return stream.push(piece);
  let text = '';
  const matches: TextMatch[] = [];
  for (let at = 0; at < piece.length; at += STRETCH_UNITS) {
    if (at > 0) yield;
    const release = stream.push(piece.slice(at, at + STRETCH_UNITS));
    text += release.text;
    for (const match of release.matches) matches.push(match);
    if (release.blockedBy !== undefined) return { text, matches, blockedBy: release.blockedBy };
  }
  return { text, matches };
}

/** Looks at a whole text, as `pushed` does. */
export function* lookAt(stream: TextStream, text: string): Generator<void, Release> {
  const release = yield* pushed(stream, text);
  if (release.blockedBy !== undefined) return release;
  const ended = stream.end();
  return { ...ended, text: release.text + ended.text, matches: release.matches.length === 0 ? ended.matches : [...release.matches, ...ended.matches] };
}
