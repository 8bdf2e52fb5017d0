import { hash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { openNote, parseCheckpoint, parseVerifierKey, type Checkpoint } from '@sluice/transparency';
import { z } from 'zod';
import { makeFolder } from '../data-folder/make-folder.ts';
import { readFileIfThere, writePrivateFile } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';
import { LogRefused } from './log-refused.ts';

const remembered = z.object({ place: z.string(), verifierKey: z.string(), note: z.string().optional() });

/** What a file remembers; its checkpoint is checked against the key again. */
interface Remembered {
  readonly verifierKey: string;
  readonly checkpoint: Checkpoint | undefined;
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
  /** The checkpoint that the log must continue; undefined at first sight. */
  readonly checkpoint: Checkpoint | undefined;

  private constructor(stateDir: string, place: string, verifierKey: string, trustNew: boolean) {
    this.#placeFile = fileOf(stateDir, 'checkpoints', place);
    // A verifier key begins with the log's origin.
    this.#logFile = fileOf(stateDir, 'logs', verifierKey);
    this.#place = place;
    this.#verifierKey = verifierKey;
    this.checkpoint = trustNew ? undefined : this.#newest();
  }

  /** Throws when the key is another one than before, unless `trustNew` says that this is meant. */
  static open(stateDir: string, place: string, verifierKey: string, trustNew: boolean): KnownLog {
    return new KnownLog(stateDir, place, verifierKey, trustNew);
  }

  #newest(): Checkpoint | undefined {
    const before = readRemembered(this.#placeFile);
    if (before && before.verifierKey !== this.#verifierKey) throw anotherKey(this.#place, before.verifierKey, this.#verifierKey);
    const seen = [before?.checkpoint, readRemembered(this.#logFile)?.checkpoint].filter((one) => one !== undefined);
    return seen.reduce<Checkpoint | undefined>((newest, one) => (newest && newest.size >= one.size ? newest : one), undefined);
  }

  /** Remembers a checkpoint once it is proven. */
  remember(note: Uint8Array): void {
    const value = { place: this.#place, verifierKey: this.#verifierKey, note: Buffer.from(note).toString('utf8') };
    for (const file of [this.#logFile, this.#placeFile]) {
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
    const { verifierKey, note } = remembered.parse(JSON.parse(text));
    return { verifierKey, checkpoint: note === undefined ? undefined : parseCheckpoint(openNote(Buffer.from(note), [parseVerifierKey(verifierKey)])) };
  } catch {
    throw new CommandFailed(`${file} is damaged: it remembers which log was seen here. If you trust the log as it is now: sluice audit verify --new-log`);
  }
}
