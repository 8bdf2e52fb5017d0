import { hash } from 'node:crypto';
import { join } from 'node:path';
import { openNote, parseCheckpoint, parseVerifierKey, type Checkpoint } from '@sluice/transparency';
import { z } from 'zod';
import { makeFolder } from '../data-folder/make-folder.ts';
import { readFileIfThere, writePrivateFile } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';

const remembered = z.object({ place: z.string(), verifierKey: z.string(), note: z.string().optional() });

/**
 * What this machine has seen of a log: its key, pinned at first sight, and the newest checkpoint that was proven.
 * Without it a log could be replaced by another one that proves itself as well.
 */
export class KnownLog {
  readonly #file: string;
  readonly #place: string;
  readonly #verifierKey: string;
  /** The checkpoint that the log must continue; undefined at first sight. */
  readonly checkpoint: Checkpoint | undefined;

  private constructor(file: string, place: string, verifierKey: string, checkpoint: Checkpoint | undefined) {
    this.#file = file;
    this.#place = place;
    this.#verifierKey = verifierKey;
    this.checkpoint = checkpoint;
  }

  /** Throws when the key is another one than before, unless `trustNew` says that this is meant. */
  static open(stateDir: string, place: string, verifierKey: string, trustNew: boolean): KnownLog {
    const file = join(stateDir, 'checkpoints', `${hash('sha256', place).slice(0, 32)}.json`);
    const before = trustNew ? undefined : readRemembered(file);
    if (before && before.verifierKey !== verifierKey) {
      throw new CommandFailed(
        `The log of ${place} has another key than before.\n  before: ${before.verifierKey}\n  now:    ${verifierKey}\nSomebody may have replaced the log. If this platform was set up anew on purpose: sluice audit verify --new-log`,
      );
    }
    const checkpoint = before?.note === undefined ? undefined : parseCheckpoint(openNote(Buffer.from(before.note), [parseVerifierKey(verifierKey)]));
    return new KnownLog(file, place, verifierKey, checkpoint);
  }

  /** Remembers a checkpoint once it is proven. */
  remember(note: Uint8Array): void {
    makeFolder(join(this.#file, '..'), 0o700);
    const value = { place: this.#place, verifierKey: this.#verifierKey, note: Buffer.from(note).toString('utf8') };
    writePrivateFile(this.#file, `${JSON.stringify(value, undefined, 2)}\n`);
  }
}

function readRemembered(file: string): z.infer<typeof remembered> | undefined {
  const text = readFileIfThere(file);
  if (text === undefined) return undefined;
  try {
    return remembered.parse(JSON.parse(text));
  } catch {
    throw new CommandFailed(`${file} is damaged: it remembers which log was seen here. If you trust the log as it is now: sluice audit verify --new-log`);
  }
}
