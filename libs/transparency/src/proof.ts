import { LogFault } from './fault.ts';
import { foldSubtrees } from './merkle-hash.ts';

/** Reads the hash of a perfect subtree over the leaves `[index << height, (index + 1) << height)`. */
export type ReadNode = (height: number, index: bigint) => Promise<Uint8Array>;

/** Leaves from `start` up to and without `end`, as RFC 9162 splits them: `start` is a multiple of the smallest power of two that holds the range. */
interface LeafRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Proof that the leaf `index` is in the tree of `size` leaves: from the leaf's sibling up to the root's child (RFC 9162 section 2.1.3.1). */
export async function proveInclusion(index: bigint, size: bigint, readNode: ReadNode): Promise<Uint8Array[]> {
  if (index < 0n || index >= size) throw new LogFault('proof', `There is no entry ${index} in a tree of ${size} entries.`);
  return readRanges(inclusionRanges(index, { start: 0n, end: size }), readNode);
}

/** Proof that the tree of `newSize` leaves begins with the tree of `oldSize` leaves (RFC 9162 section 2.1.4.1). */
export async function proveConsistency(oldSize: bigint, newSize: bigint, readNode: ReadNode): Promise<Uint8Array[]> {
  if (oldSize < 1n || oldSize > newSize) throw new LogFault('proof', `A tree of ${newSize} entries cannot continue one of ${oldSize}.`);
  return readRanges(consistencyRanges(oldSize, { start: 0n, end: newSize }, true), readNode);
}

function inclusionRanges(index: bigint, { start, end }: LeafRange): LeafRange[] {
  if (end - start === 1n) return [];
  const middle = start + splitPoint(end - start);
  const [left, right] = [{ start, end: middle }, { start: middle, end }];
  return index < middle ? [...inclusionRanges(index, left), right] : [...inclusionRanges(index, right), left];
}

function consistencyRanges(oldSize: bigint, { start, end }: LeafRange, isOldRoot: boolean): LeafRange[] {
  if (oldSize === end) return isOldRoot ? [] : [{ start, end }];
  const middle = start + splitPoint(end - start);
  const [left, right] = [{ start, end: middle }, { start: middle, end }];
  return oldSize <= middle ? [...consistencyRanges(oldSize, left, isOldRoot), right] : [...consistencyRanges(oldSize, right, false), left];
}

async function readRanges(ranges: readonly LeafRange[], readNode: ReadNode): Promise<Uint8Array[]> {
  const hashes: Uint8Array[] = [];
  for (const range of ranges) hashes.push(await readRange(range, readNode));
  return hashes;
}

async function readRange({ start, end }: LeafRange, readNode: ReadNode): Promise<Uint8Array> {
  const subtrees: Uint8Array[] = [];
  for (let at = start; at < end; ) {
    const height = bitLength(end - at) - 1;
    subtrees.push(await readNode(height, at >> BigInt(height)));
    at += 1n << BigInt(height);
  }
  return foldSubtrees(subtrees);
}

/** The largest power of two smaller than `leaves`; `leaves` is at least 2. */
function splitPoint(leaves: bigint): bigint {
  return 1n << BigInt(bitLength(leaves - 1n) - 1);
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
