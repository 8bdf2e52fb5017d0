import { MAX_ENTRY_BYTES } from './entry-bundle.ts';
import { LogFault } from './fault.ts';

/** What an entry of the audit log states. */
export const ENTRY_TYPES = [
  /** A call ended; there is exactly one end of a call in the log, this or `call.abandoned`. */
  'call.completed',
  /** An authenticated call was refused before inference. */
  'call.refused',
  /** A call was open when its producer's epoch was closed. */
  'call.abandoned',
  /** An administrator changed something. Producer is the topic, seq the position in it. */
  'admin.acted',
  /** A segment arrived behind the close of its epoch: nothing of it was released, nothing of it counts. */
  'segment.late',
  /** A segment that cannot be read. It is kept as it is. */
  'segment.unreadable',
  /** A producer's epoch is over: `seq` is the number of its segments, `ends` that of its calls' ends in this log. */
  'epoch.closed',
  /** Bodies were removed because their retention is over. */
  'bodies.pruned',
] as const;

export type EntryType = (typeof ENTRY_TYPES)[number];

/** SHA-256(salt || value) of a named field; the salt lies with the sealed record. */
export interface EntryCommitment {
  readonly name: string;
  readonly hash: Uint8Array;
}

/** An entry of the log: safe to publish, because everything that says something about people is a salted commitment. */
export interface LogEntry {
  readonly type: EntryType;
  readonly producer: string;
  readonly epoch: bigint;
  readonly seq: bigint;
  /** When it happened, cut to the minute: milliseconds since the Unix epoch, a multiple of 60,000. */
  readonly minuteMs: number;
  readonly commitments: readonly EntryCommitment[];
  /** Of `epoch.closed` and of nothing else: how many entries say that a call of the epoch ended. */
  readonly ends?: bigint;
  /** Of `epoch.closed` alone: the producer's epoch before this one (0 for none), where that is not the number before. */
  readonly after?: bigint;
}

const VERSION = 1;
const MINUTE_MS = 60_000;
/** Last millisecond of the year 9999: what the form of a minute can hold. */
const MAX_TIME_MS = 253_402_300_799_999;

/** Cuts a time to its minute. A time that no clock can mean becomes the nearest that can be written. */
export function toMinuteMs(timeMs: number): number {
  return Math.floor(Math.min(Math.max(timeMs, 0), MAX_TIME_MS) / MINUTE_MS) * MINUTE_MS;
}

/** Entries come in order, so nearly all have the minute of the one before. */
let latestMinute = { ms: 0, text: '1970-01-01T00:00Z' };

function minuteText(ms: number): string {
  if (ms !== latestMinute.ms) latestMinute = { ms, text: `${new Date(ms).toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length)}Z` };
  return latestMinute.text;
}

/** The leaf's data: JSON without white space, keys in one fixed order, 64-bit numbers as decimal text, hashes in base64url. */
export function encodeLogEntry(entry: LogEntry): Buffer {
  const bytes = Buffer.from(JSON.stringify({
    v: VERSION,
    type: entry.type,
    producer: entry.producer,
    epoch: entry.epoch.toString(),
    seq: entry.seq.toString(),
    minute: minuteText(entry.minuteMs),
    commitments: entry.commitments.map(({ name, hash }) => [name, base64url(hash)]),
    ...(entry.ends !== undefined && { ends: entry.ends.toString() }),
    ...(entry.after !== undefined && { after: entry.after.toString() }),
  }));
  if (bytes.length > MAX_ENTRY_BYTES) throw new LogFault('entry', `An entry of ${bytes.length} bytes is longer than ${MAX_ENTRY_BYTES}.`);
  return bytes;
}

/** Reads an entry; whatever is not exactly what `encodeLogEntry` writes is refused with LogFault `entry`. */
export function decodeLogEntry(bytes: Uint8Array): LogEntry {
  try {
    const json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as EntryJson;
    const entry: LogEntry = {
      type: json.type as EntryType,
      producer: json.producer,
      epoch: BigInt(json.epoch),
      seq: BigInt(json.seq),
      minuteMs: Date.parse(json.minute.replace('Z', ':00Z')),
      commitments: json.commitments.map(([name, hash]) => ({ name, hash: Buffer.from(hash, 'base64url') })),
      ...(json.ends !== undefined && { ends: BigInt(json.ends) }),
      ...(json.after !== undefined && { after: BigInt(json.after) }),
    };
    // Whatever was read must come out again to the byte, so an entry has one form only.
    const counts = (entry.type === 'epoch.closed') === (entry.ends !== undefined);
    const follows = entry.after === undefined || (entry.type === 'epoch.closed' && entry.after < entry.epoch - 1n);
    if (ENTRY_TYPES.includes(entry.type) && counts && follows && Buffer.compare(encodeLogEntry(entry), bytes) === 0) return entry;
  } catch (fault) {
    throw new LogFault('entry', 'An entry of the log is malformed.', fault);
  }
  throw new LogFault('entry', 'An entry of the log is not in its one form.');
}

interface EntryJson {
  readonly ends?: string;
  readonly after?: string;
  readonly type: string;
  readonly producer: string;
  readonly epoch: string;
  readonly seq: string;
  readonly minute: string;
  readonly commitments: readonly (readonly [string, string])[];
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}
