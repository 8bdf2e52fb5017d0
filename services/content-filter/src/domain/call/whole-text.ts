import { INPUT_TURN_UNITS } from './limits.ts';
import type { Policy, Release, TextDirection, TextMatch, TextStream } from './policy.ts';

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
export function lookAtOnce(policy: Policy, direction: TextDirection, text: string): Release {
  const looked = lookAt(policy.open(direction), text);
  let step = looked.next();
  while (!step.done) step = looked.next();
  return step.value;
}
