import { hash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { openNote, parseCheckpoint, parseVerifierKey, type Checkpoint } from '@sluice/transparency';
import { z } from 'zod';
import { makeFolder } from '../data-folder/make-folder.ts';
import { readFileIfThere, writePrivateFile } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';
import { moment } from '../terminal/table.ts';
import { LogRefused } from './log-refused.ts';

const remembered = z.object({ place: z.string(), verifierKey: z.string(), note: z.string().optional(), seenAt: z.iso.datetime().optional() });

/** What a file remembers; its checkpoint is checked against the key again. */
interface Remembered {
  readonly verifierKey: string;
  readonly seen: Seen | undefined;
}

/** A checkpoint that was proven: where the log lay then, and when (ISO 8601; undefined in a file of an older version). */
export interface Seen {
  readonly checkpoint: Checkpoint;
  readonly place: string;
  readonly at: string | undefined;
}

/** How far the past counts. */
export interface Trust {
  /** The log is taken as it is now, whatever was seen before. */
  readonly newLog: boolean;
  /** The log is held only against what was seen at its own place: for a restored copy, which goes on by itself. */
  readonly ownHistory: boolean;
}

/**
 * What this machine has seen of a log: its key, pinned at first sight of a place (a data folder or an address), and the
 * newest checkpoint that was proven, wherever the log lay. Without it a log could be replaced by another one that proves
 * itself as well, or two places could be shown two logs of one name and key.
 */
export class KnownLog {
  readonly #placeFile: string;
  readonly #logFile: string;
  readonly #place: string;
  readonly #verifierKey: string;
  readonly #trust: Trust;
  /** What the log must continue, the newest first: seen at its own place, and wherever it was seen last. Empty at first sight, and for a new log. */
  readonly seen: readonly Seen[];
  /** True when something was seen that `newLog` left out of account. */
  readonly isForgotten: boolean;

  private constructor(stateDir: string, place: string, verifierKey: string, trust: Trust) {
    this.#placeFile = fileOf(stateDir, 'checkpoints', place);
    // A verifier key begins with the log's origin.
    this.#logFile = fileOf(stateDir, 'logs', verifierKey);
    this.#place = place;
    this.#verifierKey = verifierKey;
    this.#trust = trust;
    this.seen = trust.newLog ? [] : this.#remembered();
    this.isForgotten = trust.newLog && this.#files().some((file) => readFileIfThere(file) !== undefined);
  }

  /** Throws when the key is another one than before, unless the trust says that this is meant. */
  static open(stateDir: string, place: string, verifierKey: string, trust: Trust): KnownLog {
    return new KnownLog(stateDir, place, verifierKey, trust);
  }

  /** The newest checkpoint that the log must continue. */
  get checkpoint(): Checkpoint | undefined {
    return this.seen[0]?.checkpoint;
  }

  /** What to say of a log that does not continue what was seen: where that was, when, and what may have happened. */
  explainFork({ place, at }: Seen): string {
    const when = at === undefined ? '' : ` on ${moment(Date.parse(at))}`;
    if (place === this.#place) {
      return `This log, seen at ${place}${when}, was another one then: it was cut or rewritten since.\nIf you put a backup in its place, that is the reason; say so once: sluice audit verify --new-log`;
    }
    return [
      `Another copy of this log, seen at ${place}${when}, continued differently than the one at ${this.#place}: one of the two is not the original.`,
      'If you ran a restored copy, that is the reason. To hold this log only against what was seen at its own place: sluice audit verify --own-history',
      'To take it as the original from now on, and forget the other: sluice audit verify --new-log',
    ].join('\n');
  }

  #files(): string[] {
    return this.#trust.ownHistory ? [this.#placeFile] : [this.#logFile, this.#placeFile];
  }

  #remembered(): readonly Seen[] {
    const before = readRemembered(this.#placeFile);
    if (before && before.verifierKey !== this.#verifierKey) throw anotherKey(this.#place, before.verifierKey, this.#verifierKey);
    const here = before?.seen;
    const last = this.#trust.ownHistory ? undefined : readRemembered(this.#logFile)?.seen;
    const isOne = here !== undefined && last !== undefined && here.checkpoint.size === last.checkpoint.size && Buffer.compare(here.checkpoint.root, last.checkpoint.root) === 0;
    return [here, isOne ? undefined : last].filter((one) => one !== undefined).sort((left, right) => (left.checkpoint.size > right.checkpoint.size ? -1 : 1));
  }

  /** Remembers a checkpoint once it is proven. */
  remember(note: Uint8Array, nowMs: number): void {
    const value = { place: this.#place, verifierKey: this.#verifierKey, note: Buffer.from(note).toString('utf8'), seenAt: new Date(nowMs).toISOString() };
    for (const file of this.#files()) {
      makeFolder(dirname(file), 0o700);
      writePrivateFile(file, `${JSON.stringify(value, undefined, 2)}\n`);
    }
  }
}

function fileOf(stateDir: string, folder: string, name: string): string {
  return join(stateDir, folder, `${hash('sha256', name).slice(0, 32)}.json`);
}

function anotherKey(place: string, before: string, now: string): LogRefused {
  const message = `The log of ${place} has another key than before.`;
  const mend = 'Somebody may have replaced the log. If this platform was set up anew on purpose: sluice audit verify --new-log';
  return new LogRefused('key', message, `${message}\n  before: ${before}\n  now:    ${now}\n${mend}`);
}

function readRemembered(file: string): Remembered | undefined {
  const text = readFileIfThere(file);
  if (text === undefined) return undefined;
  try {
    const { verifierKey, note, place, seenAt: at } = remembered.parse(JSON.parse(text));
    const checkpoint = note === undefined ? undefined : parseCheckpoint(openNote(Buffer.from(note), [parseVerifierKey(verifierKey)]));
    return { verifierKey, seen: checkpoint && { checkpoint, place, at } };
  } catch {
    throw new CommandFailed(`${file} is damaged: it remembers which log was seen here. If you trust the log as it is now: sluice audit verify --new-log`);
  }
}
