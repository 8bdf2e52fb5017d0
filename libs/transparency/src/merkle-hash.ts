import { hash } from 'node:crypto';

/** Length of every hash in the tree. */
export const HASH_BYTES = 32;

/** Root of the tree without entries: SHA-256 of nothing (RFC 9162 section 2.1.1). */
export const EMPTY_ROOT: Buffer = hash('sha256', Buffer.alloc(0), 'buffer');

const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** Input of a node hash; used again for each, because hashing is synchronous. */
const nodeInput = Buffer.alloc(1 + 2 * HASH_BYTES, NODE_PREFIX);

/** Hash of an entry: SHA-256(0x00 || entry). */
export function leafHash(entry: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + entry.length);
  input[0] = LEAF_PREFIX;
  input.set(entry, 1);
  return sha256(input);
}

/** Hash of two subtrees: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_BYTES);
  return sha256(nodeInput);
}

/** By way of text, because the runtime allocates an array buffer of its own for each digest that it gives as bytes, which costs more than the hash. */
function sha256(input: Uint8Array): Buffer {
  const digest = Buffer.allocUnsafe(HASH_BYTES);
  digest.write(hash('sha256', input, 'binary'), 'binary');
  return digest;
}

/** Root of a perfect tree over the given hashes; their number is a power of two. */
export function perfectRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let left = 0; left < row.length; left += 2) above.push(nodeHash(row[left]!, row[left + 1]!));
    row = above;
  }
  return row[0]!;
}

/** Folds subtrees of falling size, as they stand from left to right, into one root. */
export function foldSubtrees(subtrees: readonly Uint8Array[]): Uint8Array {
  return subtrees.length === 0 ? EMPTY_ROOT : subtrees.reduceRight((right, left) => nodeHash(left, right));
}
