import { INPUT_TURN_UNITS } from './limits.ts';
import type { Release, TextMatch, TextStream } from './policy.ts';

/** Looks at a whole text. Yields between stretches of a long one. */
export function* lookAt(stream: TextStream, text: string): Generator<void, Release> {
  let left = '';
  const matches: TextMatch[] = [];
  for (let at = 0; at < text.length; at += INPUT_TURN_UNITS) {
    if (at > 0) yield;
    const release = stream.push(text.slice(at, at + INPUT_TURN_UNITS));
    left += release.text;
    matches.push(...release.matches);
    if (release.blockedBy !== undefined) return { text: left, matches, blockedBy: release.blockedBy };
  }
  const release = stream.end();
  return { ...release, text: left + release.text, matches: [...matches, ...release.matches] };
}

/** The same in one go. */
export function lookAtOnce(stream: TextStream, text: string): Release {
  const pushed = stream.push(text);
  if (pushed.blockedBy !== undefined) return pushed;
  const ended = stream.end();
  return { ...ended, text: pushed.text + ended.text, matches: pushed.matches.length === 0 ? ended.matches : [...pushed.matches, ...ended.matches] };
}
