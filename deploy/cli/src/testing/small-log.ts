import { hash } from 'node:crypto';
import {
  CompactRange, encodeEntryBundle, encodeLogEntry, formatCheckpoint, formatProofBundle, formatTilePath, formatVerifierKey, leafHash, nodesFromTiles, proveInclusion,
  signerFromSeed, signNote, TILE_WIDTH, tilesOf, tileWidth, type EntryCommitment, type EntryType, type LogEntry, type NoteSigner, type Tile,
} from '@sluice/transparency';

const SALT = Buffer.from('a salt of the test');

/** A log in memory that is served as the audit serves it; its entries can be tampered with. */
export class SmallLog {
  readonly signer: NoteSigner;
  readonly entries: Uint8Array[] = [];

  constructor(seed = 1) {
    this.signer = signerFromSeed('log.test/audit', new Uint8Array(32).fill(seed));
  }

  get verifierKey(): string {
    return formatVerifierKey(this.signer);
  }

  /** Adds calls with one commitment each, to their model's name. */
  addCalls(count: number): this {
    for (let added = 0; added < count; added++) {
      const entry: LogEntry = { type: 'call.completed', producer: 'p1', epoch: 1n, seq: BigInt(this.entries.length), minuteMs: 0, commitments: [this.#commit('model', 'tiny')] };
      this.entries.push(encodeLogEntry(entry));
    }
    return this;
  }

  /** Closes epoch 1, as if it had that many ends. */
  addClose(ends: number): this {
    this.entries.push(encodeLogEntry({ type: 'epoch.closed', producer: 'p1', epoch: 1n, seq: BigInt(this.entries.length), minuteMs: 0, commitments: [], ends: BigInt(ends) }));
    return this;
  }

  /** Adds the end of a call with these commitments. */
  addEnd(type: EntryType, commitments: readonly EntryCommitment[]): this {
    this.entries.push(encodeLogEntry({ type, producer: 'p1', epoch: 1n, seq: BigInt(this.entries.length), minuteMs: 0, commitments: [...commitments] }));
    return this;
  }

  checkpoint(): Buffer {
    const range = new CompactRange();
    for (const entry of this.entries) range.append(leafHash(entry));
    return signNote(formatCheckpoint({ origin: this.signer.name, size: BigInt(this.entries.length), root: range.root() }), this.signer);
  }

  /** What lies under a C2SP path; undefined for none. */
  resource(path: string): Buffer | undefined {
    if (path === 'checkpoint') return this.checkpoint();
    const size = BigInt(this.entries.length);
    for (const tile of tilesOf(size)) {
      if (formatTilePath(tile) === path) return this.#hashes(tile);
      const bundle: Tile = { level: 'entries', index: tile.index, width: tileWidth('entries', tile.index, size) };
      if (tile.level === 0 && formatTilePath(bundle) === path) return encodeEntryBundle(this.entries.slice(Number(tile.index) * TILE_WIDTH).slice(0, tile.width));
    }
    return undefined;
  }

  async proofOf(index: number): Promise<{ bundle: string; entry: string }> {
    const size = BigInt(this.entries.length);
    const proof = await proveInclusion(BigInt(index), size, nodesFromTiles(size, async (tile) => this.#hashes(tile)));
    const bundle = formatProofBundle({ index: BigInt(index), proof, note: this.checkpoint() });
    return { bundle: bundle.toString('utf8'), entry: Buffer.from(this.entries[index]!).toString('base64') };
  }

  #commit(name: string, value: string): { name: string; hash: Buffer } {
    return { name, hash: hash('sha256', Buffer.concat([SALT, Buffer.from(value)]), 'buffer') };
  }

  /** Level by level, the roots of full subtrees of 256^level leaves. */
  #hashes({ level, index, width }: Tile): Buffer {
    let hashes: Buffer[] = this.entries.map((entry) => leafHash(entry));
    for (let at = 0; at < Number(level); at++) {
      hashes = Array.from({ length: Math.floor(hashes.length / TILE_WIDTH) }, (_, group) => rootOf(hashes.slice(group * TILE_WIDTH, (group + 1) * TILE_WIDTH)));
    }
    return Buffer.concat(hashes.slice(Number(index) * TILE_WIDTH).slice(0, width));
  }
}

function rootOf(hashes: readonly Buffer[]): Buffer {
  const range = new CompactRange();
  for (const value of hashes) range.append(value);
  return Buffer.from(range.root());
}
