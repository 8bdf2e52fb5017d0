import { ServiceError } from '@sluice/errors';

/** Every number that the input or the output of a call can run into. */

/** Streams of text in one answer: 128 choices with some channels and tools each. */
export const STREAMS_LIMIT = 2048;

/** Pieces of one channel that wait for a decision. A rule holds some characters, or some thousand at most. */
export const HELD_PIECES_LIMIT = 16_384;

/** Text of one channel that waits for a decision, in UTF-16 units: above what any rule may hold. */
export const HELD_UNITS_LIMIT = 65_536;

/** A JSON value that comes with a piece, and all of one channel that wait with their text: more than a whole answer in use has. */
export const JSON_LIMIT_BYTES = 16 * 1024 * 1024;

/** Above what the front door lets in. */
export const JSON_DEPTH_LIMIT = 128;

/** Names, strings and numbers of one input. Conversations with many tools have some thousand. */
export const INPUT_TEXTS_LIMIT = 65_536;

/** Text that is looked at in one go. The dearest rules that an organisation may have cost some 200 microseconds a character. */
export const STRETCH_UNITS = 256;

/** Steps after which others get their turn: 1 ms of common text, some 10 to 20 of one that is nothing but personal data or matches. */
export const TURN_STEPS = 65_536;

/** Steps of one call: some two seconds of a core, after which nobody waits for it. A megabyte under 50 expressions is 55 million. */
export const CALL_STEPS_LIMIT = 100_000_000;

/** Hits of a call that are told one by one; all are counted. */
export const HITS_TOLD_LIMIT = 100;

/** A text that somebody tries by hand. */
export const TRY_TEXT_LIMIT_UNITS = 1_048_576;

/** Nothing may pass that was not looked at. */
export function beyondLimit(what: string): ServiceError {
  return new ServiceError('content_filter_unavailable', `The content filter cannot look at ${what}.`);
}

/** Looking at what is given costs more steps than a call has: it would cost as much another time. @param param what is given */
export function tooMuchToLookAt(param: string): ServiceError {
  return new ServiceError('invalid_value', `Invalid \`${param}\`: the content filter would have to do more work on this text than on any call may be done; shorten it.`, { param });
}
