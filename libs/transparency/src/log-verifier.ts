import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { CompactRange } from './compact-range.ts';
import { decodeEntryBundle } from './entry-bundle.ts';
import { LogFault } from './fault.ts';
import { decodeLogEntry } from './log-entry.ts';
import { EMPTY_ROOT, leafHash } from './merkle-hash.ts';
import { ProducerTally, type ProducerReport } from './producer-report.ts';
import { openNote } from './signed-note.ts';
import { formatTilePath, TILE_HEIGHT, TILE_WIDTH, tileWidth, type Tile } from './tile.ts';
import type { VerifierKey } from './verifier-key.ts';
import { isSame } from './verify-proof.ts';

/** Reads `checkpoint`, `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`; fails when there is no such thing. */
export type ReadResource = (path: string) => Promise<Uint8Array>;

export interface LogReport {
  readonly checkpoint: Checkpoint;
  /** The checkpoint as it was signed; to be remembered. */
  readonly note: Uint8Array;
  readonly producers: readonly ProducerReport[];
}

/** Bundles on their way at the same time; a log far away would otherwise cost a round trip per 256 entries. */
const READ_AHEAD = 8;

/**
 * Verifies a whole log from the outside, trusting nothing but the verifier key and a checkpoint seen before: every
 * entry is hashed, every tile is compared, the root is computed anew and must be the signed one, and the earlier
 * checkpoint must be the root of the log's beginning.
 */
export class LogVerifier {
  readonly #read: ReadResource;
  readonly #key: VerifierKey;

  constructor(read: ReadResource, key: VerifierKey) {
    this.#read = read;
    this.#key = key;
  }

  /** Throws LogFault at the first thing that does not hold. `onProgress` gets the number of entries verified so far. */
  async verify(remembered?: Checkpoint, onProgress?: (entries: bigint) => void): Promise<LogReport> {
    const note = await this.#read('checkpoint');
    const checkpoint = parseCheckpoint(openNote(note, [this.#key]));
    if (checkpoint.origin !== this.#key.name) throw new LogFault('checkpoint', `The checkpoint is of ${checkpoint.origin}, not of ${this.#key.name}.`);
    checkRemembered(remembered, checkpoint);
    const run = new Run(checkpoint, remembered);
    for await (const entries of this.#bundles(checkpoint.size)) {
      for (const tile of run.add(entries)) await this.#compare(tile);
      onProgress?.(run.size);
    }
    for (const tile of run.finish()) await this.#compare(tile);
    return { checkpoint, note, producers: run.producers.reports() };
  }

  async *#bundles(size: bigint): AsyncGenerator<Uint8Array[]> {
    const ahead: Promise<Uint8Array[]>[] = [];
    for (let index = 0n; ; index++) {
      const width = tileWidth('entries', index, size);
      if (width > 0) {
        const bundle = this.#readTile({ level: 'entries', index, width }).then((bytes) => decodeEntryBundle(bytes, width));
        // Its failure is met when its turn comes; until then it must not count as unhandled.
        bundle.catch(() => undefined);
        ahead.push(bundle);
      }
      if (ahead.length === 0) return;
      if (width === 0 || ahead.length === READ_AHEAD) yield await ahead.shift()!;
    }
  }

  async #compare({ tile, bytes }: ExpectedTile): Promise<void> {
    if (!isSame(await this.#readTile(tile), bytes)) throw new LogFault('tile', `${formatTilePath(tile)} does not hold the hashes of the entries.`);
  }

  async #readTile(tile: Tile): Promise<Uint8Array> {
    try {
      return await this.#read(formatTilePath(tile));
    } catch (fault) {
      throw new LogFault('tile', `${formatTilePath(tile)} cannot be read.`, fault);
    }
  }
}

interface ExpectedTile {
  readonly tile: Tile;
  readonly bytes: Uint8Array;
}

/** The state of one verification: the tree so far, and the tiles that are not complete yet. */
class Run {
  readonly producers = new ProducerTally();
  readonly #checkpoint: Checkpoint;
  readonly #remembered: Checkpoint | undefined;
  readonly #range = new CompactRange();
  /** By level: the hashes of the last tile so far, and its index. */
  readonly #open: { index: bigint; hashes: Uint8Array[] }[] = [];

  constructor(checkpoint: Checkpoint, remembered: Checkpoint | undefined) {
    this.#checkpoint = checkpoint;
    this.#remembered = remembered;
  }

  get size(): bigint {
    return this.#range.size;
  }

  /** Takes entries in; returns the tiles that they complete. */
  add(entries: readonly Uint8Array[]): ExpectedTile[] {
    const full: ExpectedTile[] = [];
    for (const entry of entries) {
      this.producers.add(decodeLogEntry(entry));
      const leaf = leafHash(entry);
      this.#put(0, leaf, full);
      this.#range.append(leaf, (height, _, hash) => {
        if (height % TILE_HEIGHT === 0) this.#put(height / TILE_HEIGHT, hash, full);
      });
      this.#compareRemembered();
    }
    return full;
  }

  /** Compares the root; returns the partial tiles. */
  finish(): ExpectedTile[] {
    if (!isSame(this.#range.root(), this.#checkpoint.root)) throw new LogFault('root', 'The entries do not add up to the signed root.');
    return this.#open.flatMap(({ index, hashes }, level) => (hashes.length === 0 ? [] : [expected(level, index, hashes)]));
  }

  #put(level: number, hash: Uint8Array, full: ExpectedTile[]): void {
    const open = (this.#open[level] ??= { index: 0n, hashes: [] });
    open.hashes.push(hash);
    if (open.hashes.length < TILE_WIDTH) return;
    full.push(expected(level, open.index, open.hashes));
    this.#open[level] = { index: open.index + 1n, hashes: [] };
  }

  #compareRemembered(): void {
    if (this.#remembered?.size !== this.#range.size) return;
    if (!isSame(this.#range.root(), this.#remembered.root)) throw new LogFault('consistency', `The first ${this.#range.size} entries are not those that were seen before.`);
  }
}

function expected(level: number, index: bigint, hashes: readonly Uint8Array[]): ExpectedTile {
  return { tile: { level, index, width: hashes.length }, bytes: Buffer.concat(hashes) };
}

function checkRemembered(remembered: Checkpoint | undefined, now: Checkpoint): void {
  if (now.size === 0n && !isSame(now.root, EMPTY_ROOT)) throw new LogFault('root', 'The log is empty and its root is not that of an empty log.');
  if (!remembered) return;
  if (remembered.origin !== now.origin) throw new LogFault('consistency', `The log is ${now.origin}; before it was ${remembered.origin}.`);
  if (remembered.size > now.size) throw new LogFault('consistency', `The log has ${now.size} entries; before it had ${remembered.size}.`);
}
