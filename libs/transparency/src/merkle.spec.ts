import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CompactRange, splitHashes } from './compact-range.ts';
import { EMPTY_ROOT, leafHash, nodeHash } from './merkle-hash.ts';
import { proveConsistency, proveInclusion, type ReadNode } from './proof.ts';
import { verifyConsistency, verifyInclusion } from './verify-proof.ts';

/** Entries and roots of the reference tree of the Certificate Transparency test suites. */
const ENTRIES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((hex) => Buffer.from(hex, 'hex'));
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** RFC 9162 section 2.1.1, word for word: the tree hash by recursion, to hold the fast ways against. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

const leavesOf = (count: number): Buffer[] => Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`entry ${index}`)));
const nodesOf = (leaves: readonly Buffer[]): ReadNode => async (height, index) =>
  naiveRoot(leaves.slice(Number(index) << height, (Number(index) + 1) << height));
const rangeOf = (leaves: readonly Buffer[]): CompactRange => {
  const range = new CompactRange();
  for (const leaf of leaves) range.append(leaf);
  return range;
};
const flip = (bytes: Uint8Array, bit: number): Buffer => {
  const changed = Buffer.from(bytes);
  changed[(bit >> 3) % changed.length]! ^= 1 << (bit & 7);
  return changed;
};

describe('tree hashing', () => {
  it('gives the published roots of the reference tree', () => {
    const range = new CompactRange();
    expect(Buffer.from(range.root()).toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    const roots = ENTRIES.map((entry) => {
      range.append(leafHash(entry));
      return Buffer.from(range.root()).toString('hex');
    });
    expect(roots).toEqual(ROOTS);
  });

  it('gives the published root of a log of fifteen entries', () => {
    const words = 'one two three four five six seven eit nain ten ileven twelf threeten fourten fivten'.split(' ');
    const root = rangeOf(words.map((word) => leafHash(Buffer.from(word)))).root();
    expect(Buffer.from(root).toString('base64')).toBe('rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=');
  });

  it('appends to the same root as the recursion, across a save and a load at any size', () => {
    fc.assert(fc.property(fc.nat(300), fc.nat(300), (before, after) => {
      const leaves = leavesOf(before + after);
      const saved = rangeOf(leaves.slice(0, before));
      const range = CompactRange.decode(saved.size, saved.encode());
      for (const leaf of leaves.slice(before)) range.append(leaf);
      expect(Buffer.from(range.root())).toEqual(naiveRoot(leaves));
    }), { numRuns: 40 });
  });

  it('tells of every perfect subtree once', () => {
    const leaves = leavesOf(77);
    const range = new CompactRange();
    const seen = new Map<string, Buffer>();
    for (const leaf of leaves) range.append(leaf, (height, index, hash) => seen.set(`${height}/${index}`, Buffer.from(hash)));
    expect(seen.size).toBe([1, 2, 3, 4, 5, 6].reduce((sum, height) => sum + (77 >> height), 0));
    for (const [place, hash] of seen) {
      const [height, index] = place.split('/').map(Number) as [number, number];
      expect(hash).toEqual(naiveRoot(leaves.slice(index << height, (index + 1) << height)));
    }
  });

  it('refuses a saved state that does not fit its size', () => {
    expect(() => CompactRange.decode(3n, Buffer.alloc(32))).toThrow('3 entries');
    expect(() => splitHashes(Buffer.alloc(33))).toThrow('multiple of 32');
  });
});

describe('inclusion', () => {
  it('holds for every entry of every small tree, and for no other place, size, leaf or root', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 140 }), fc.nat(), fc.nat(1000), async (size, pick, bit) => {
      const leaves = leavesOf(size);
      const index = pick % size;
      const root = naiveRoot(leaves);
      const proof = await proveInclusion(BigInt(index), BigInt(size), nodesOf(leaves));
      const check = (at: bigint, of: bigint, leaf: Uint8Array, way: readonly Uint8Array[], top: Uint8Array): boolean => verifyInclusion(at, of, leaf, way, top);
      expect(check(BigInt(index), BigInt(size), leaves[index]!, proof, root)).toBe(true);
      expect(check(BigInt(index) ^ 1n, BigInt(size), leaves[index]!, proof, root)).toBe(false);
      expect(check(BigInt(index), BigInt(size), flip(leaves[index]!, bit), proof, root)).toBe(false);
      expect(check(BigInt(index), BigInt(size), leaves[index]!, proof, flip(root, bit))).toBe(false);
      expect(check(BigInt(index), BigInt(size), leaves[index]!, [...proof, root], root)).toBe(false);
      if (proof.length > 0) {
        expect(check(BigInt(index), BigInt(size), leaves[index]!, proof.slice(1), root)).toBe(false);
        const place = pick % proof.length;
        expect(check(BigInt(index), BigInt(size), leaves[index]!, proof.with(place, flip(proof[place]!, bit)), root)).toBe(false);
      }
    }), { numRuns: 60 });
  });

  it('keeps 64-bit numbers whole', () => {
    const hash = leafHash(Buffer.alloc(0));
    expect(verifyInclusion(18446744073709551615n, 1n, hash, [], hash)).toBe(false);
    expect(verifyInclusion(1n << 62n, (1n << 62n) + 1n, hash, [hash], nodeHash(hash, hash))).toBe(true);
    expect(verifyInclusion(0n, 1n, Buffer.alloc(31), [], hash)).toBe(false);
  });

  it('is not made for an entry that is not there', async () => {
    await expect(proveInclusion(5n, 5n, nodesOf(leavesOf(5)))).rejects.toMatchObject({ kind: 'proof' });
  });
});

describe('consistency', () => {
  it('holds between any two sizes of one log, and fails for a changed past', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 120 }), fc.nat(120), fc.nat(1000), async (oldSize, more, bit) => {
      const leaves = leavesOf(oldSize + more);
      const [oldRoot, newRoot] = [naiveRoot(leaves.slice(0, oldSize)), naiveRoot(leaves)];
      const proof = await proveConsistency(BigInt(oldSize), BigInt(leaves.length), nodesOf(leaves));
      const check = (from: Uint8Array, to: Uint8Array, way: readonly Uint8Array[]): boolean => verifyConsistency(BigInt(oldSize), BigInt(leaves.length), from, to, way);
      expect(check(oldRoot, newRoot, proof)).toBe(true);
      expect(check(flip(oldRoot, bit), newRoot, proof)).toBe(false);
      expect(check(oldRoot, flip(newRoot, bit), proof)).toBe(false);
      expect(check(oldRoot, newRoot, [...proof, newRoot])).toBe(false);
      const forked = leaves.with(bit % oldSize, leafHash(Buffer.from('another past')));
      expect(check(oldRoot, naiveRoot(forked), await proveConsistency(BigInt(oldSize), BigInt(leaves.length), nodesOf(forked)))).toBe(false);
    }), { numRuns: 60 });
  });

  it('shows nothing from an empty log and refuses to go back', () => {
    const hash = leafHash(Buffer.alloc(0));
    expect(verifyConsistency(0n, 1n, EMPTY_ROOT, hash, [])).toBe(false);
    expect(verifyConsistency(2n, 1n, hash, hash, [])).toBe(false);
    expect(verifyConsistency(1n, 2n, hash, hash, [])).toBe(false);
  });
});
