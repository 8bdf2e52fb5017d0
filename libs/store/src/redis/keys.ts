/**
 * Names in Redis. All carry one hash tag, because a taking is one script over the counts of several subjects: on a Redis
 * cluster they lie in one slot.
 */
const TAG = '{sluice}';

/** What the names of places begin with. */
export const PLACES = `${TAG}:places:`;

export const KEYS = {
  /** Sorted set of the processes that share, by when they last gave a sign of life. */
  members: `${TAG}:members`,
  /** Hash: in which order they came. */
  joined: `${TAG}:joined`,
  /** How many came until now. */
  sequence: `${TAG}:sequence`,
  /** Hash of the processes that may be letting calls in by themselves and have not told of them: until when their share is held back, and which it is. */
  missing: `${TAG}:missing`,
  /** Sorted set of the processes that left or came back under another name. */
  gone: `${TAG}:gone`,
  /** A name for the data of this server; another one when they were lost. */
  generation: `${TAG}:generation`,
  /** Sorted set of the windows and places that were used in the last minutes, by when. */
  recent: `${TAG}:recent`,
} as const;

export function windowKey(subjectId: string, name: string): string {
  return `${TAG}:window:${subjectId}:${name}`;
}

export function placesKey(subjectId: string): string {
  return `${PLACES}${subjectId}`;
}
