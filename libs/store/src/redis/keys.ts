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
  /** Hash, of each member: the last era that it has heard all of, and among how many it believes to share. */
  standing: `${TAG}:standing`,
  /** The number of the era: it goes on when every member has heard what was used before it. */
  era: `${TAG}:era`,
  /** Hash of the processes that were not heard for the length of a lease: since when, and among how many they believed to share. They may be letting calls in by themselves. */
  silent: `${TAG}:silent`,
  /** Hash of the processes that have not come back since data were lost, and since when they are waited for: what they used last is known to them alone. */
  untold: `${TAG}:untold`,
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
