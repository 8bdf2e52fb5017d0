import { HASH_BYTES, nodeHash } from './merkle-hash.ts';

/** Whether the proof leads from the leaf hash at `index` to the root of the tree of `size` leaves (RFC 9162 section 2.1.3.2). */
export function verifyInclusion(index: bigint, size: bigint, leaf: Uint8Array, proof: readonly Uint8Array[], root: Uint8Array): boolean {
  if (index < 0n || index >= size || !areHashes([leaf, root, ...proof])) return false;
  let position = index;
  let last = size - 1n;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (isOdd(position) || position === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(position) && position !== 0n) [position, last] = [position >> 1n, last >> 1n];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [position, last] = [position >> 1n, last >> 1n];
  }
  return last === 0n && isSame(hash, root);
}

/**
 * Whether the proof shows that the tree of `newSize` leaves begins with the tree of `oldSize` leaves
 * (RFC 9162 section 2.1.4.2). An old size of 0 is refused: everything continues the empty tree, so nothing is shown.
 */
export function verifyConsistency(oldSize: bigint, newSize: bigint, oldRoot: Uint8Array, newRoot: Uint8Array, proof: readonly Uint8Array[]): boolean {
  if (oldSize < 1n || oldSize > newSize || !areHashes([oldRoot, newRoot, ...proof])) return false;
  if (oldSize === newSize) return proof.length === 0 && isSame(oldRoot, newRoot);
  if (proof.length === 0) return false;
  const isPowerOfTwo = (oldSize & (oldSize - 1n)) === 0n;
  const [first, ...rest] = isPowerOfTwo ? [oldRoot, ...proof] : proof;
  let position = oldSize - 1n;
  let last = newSize - 1n;
  while (isOdd(position)) [position, last] = [position >> 1n, last >> 1n];
  let oldHash = first!;
  let newHash = first!;
  for (const sibling of rest) {
    if (last === 0n) return false;
    if (isOdd(position) || position === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (!isOdd(position) && position !== 0n) [position, last] = [position >> 1n, last >> 1n];
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    [position, last] = [position >> 1n, last >> 1n];
  }
  return last === 0n && isSame(oldHash, oldRoot) && isSame(newHash, newRoot);
}

/** The values are public, so the comparison need not take constant time. */
export function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.every((value) => value.length === HASH_BYTES);
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n;
}
