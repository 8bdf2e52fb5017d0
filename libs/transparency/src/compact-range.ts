import { LogFault } from './fault.ts';
import { foldSubtrees, HASH_BYTES, nodeHash } from './merkle-hash.ts';

/** Told of each perfect subtree that an append completes: it covers the leaves `[index << height, (index + 1) << height)`. */
export type OnNode = (height: number, index: bigint, hash: Buffer) => void;

/**
 * The right edge of a growing tree: one hash for each set bit of the size, largest subtree first. It is all that is
 * needed to append and to know the root.
 */
export class CompactRange {
  #size: bigint;
  readonly #hashes: Uint8Array[];

  constructor(size = 0n, hashes: readonly Uint8Array[] = []) {
    if (hashes.length !== setBits(size)) throw new LogFault('tile', `A tree of ${size} entries has ${setBits(size)} subtrees, not ${hashes.length}.`);
    this.#size = size;
    this.#hashes = [...hashes];
  }

  get size(): bigint {
    return this.#size;
  }

  append(leaf: Buffer, onNode?: OnNode): void {
    let hash = leaf;
    let index = this.#size;
    for (let height = 1; (index & 1n) === 1n; height++) {
      hash = nodeHash(this.#hashes.pop()!, hash);
      index >>= 1n;
      onNode?.(height, index, hash);
    }
    this.#hashes.push(hash);
    this.#size += 1n;
  }

  root(): Uint8Array {
    return foldSubtrees(this.#hashes);
  }

  /** The hashes in order, 32 bytes each; with the size it is the whole state. */
  encode(): Buffer {
    return Buffer.concat(this.#hashes);
  }

  static decode(size: bigint, bytes: Uint8Array): CompactRange {
    return new CompactRange(size, splitHashes(bytes));
  }
}

/** Cuts a row of hashes into hashes. */
export function splitHashes(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length % HASH_BYTES !== 0) throw new LogFault('tile', 'A row of hashes has a length that is no multiple of 32 bytes.');
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, index) => bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES));
}

function setBits(size: bigint): number {
  let bits = 0;
  for (let rest = size; rest > 0n; rest >>= 1n) bits += Number(rest & 1n);
  return bits;
}
