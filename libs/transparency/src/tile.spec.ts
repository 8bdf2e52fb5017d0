import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CompactRange } from './compact-range.ts';
import { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.ts';
import { leafHash } from './merkle-hash.ts';
import { proveConsistency, proveInclusion } from './proof.ts';
import { formatProofBundle, parseProofBundle, verifyProofBundle } from './proof-bundle.ts';
import { formatCheckpoint } from './checkpoint.ts';
import { signerFromSeed, signNote } from './signed-note.ts';
import { formatTilePath, nodesFromTiles, parseTilePath, TILE_HEIGHT, tilesOf, tileWidth, type Tile } from './tile.ts';
import { verifyConsistency, verifyInclusion } from './verify-proof.ts';

/** A log in memory: its tiles at one size, as rows of hashes by level. */
function tilesInMemory(count: number): { root: Uint8Array; leaves: Buffer[]; readTile: (tile: Tile) => Promise<Uint8Array>; rootAt: Uint8Array[] } {
  const rows: Uint8Array[][] = [[]];
  const range = new CompactRange();
  const rootAt: Uint8Array[] = [];
  const leaves = Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`entry ${index}`)));
  for (const leaf of leaves) {
    rows[0]!.push(leaf);
    range.append(leaf, (height, _, hash) => {
      if (height % TILE_HEIGHT === 0) (rows[height / TILE_HEIGHT] ??= []).push(hash);
    });
    rootAt.push(range.root());
  }
  const readTile = async ({ level, index, width }: Tile): Promise<Uint8Array> => Buffer.concat(rows[Number(level)]!.slice(Number(index) * 256, Number(index) * 256 + width));
  return { root: range.root(), leaves, readTile, rootAt };
}

describe('tile paths', () => {
  it.each([
    ['tile/0/x001/x234/067', { level: 0, index: 1234067n, width: 256 }],
    ['tile/63/000.p/1', { level: 63, index: 0n, width: 1 }],
    ['tile/entries/x001/000.p/255', { level: 'entries', index: 1000n, width: 255 }],
  ] as const)('%s', (path, tile) => {
    expect(parseTilePath(path)).toEqual(tile);
    expect(formatTilePath(tile)).toBe(path);
  });

  it('read back as they were written', () => {
    fc.assert(fc.property(fc.oneof(fc.nat(63), fc.constant('entries' as const)), fc.bigInt(0n, (1n << 56n) - 1n), fc.integer({ min: 1, max: 256 }), (level, index, width) => {
      expect(parseTilePath(formatTilePath({ level, index, width }))).toEqual({ level, index, width });
    }));
  });

  it.each(['tile/64/000', 'tile/00/000', 'tile/0/0', 'tile/0/x000/001', 'tile/0/001/002', 'tile/0/x001', 'tile/0/000.p/0', 'tile/0/000.p/256', 'tile/0/000.p/01', '/tile/0/000', 'tile/0/000\n', 'tile/-1/000', 'tile/data/000', 'checkpoint', ''])('refuse %j', (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });
});

describe('tile widths', () => {
  it('are those of the specification for a log of 70,000 entries', () => {
    const tiles = [...tilesOf(70_000n)];
    const count = (level: number, isFull: boolean): number => tiles.filter((tile) => tile.level === level && (tile.width === 256) === isFull).length;
    expect([count(0, true), count(1, true), count(2, true)]).toEqual([273, 1, 0]);
    expect(tiles.filter(({ width }) => width < 256).map(({ level, width }) => [level, width])).toEqual([[0, 112], [1, 17], [2, 1]]);
    expect([...tilesOf(256n)].map(({ level, width }) => [level, width])).toEqual([[0, 256], [1, 1]]);
    expect([...tilesOf(0n)]).toEqual([]);
    expect(tileWidth('entries', 273n, 70_000n)).toBe(112);
  });
});

describe('proofs out of tiles', () => {
  const log = tilesInMemory(70_000);

  it('lead to the root from anywhere in a log of three levels', async () => {
    const readNode = nodesFromTiles(70_000n, log.readTile);
    await fc.assert(fc.asyncProperty(fc.nat(69_999), fc.integer({ min: 1, max: 70_000 }), async (index, oldSize) => {
      const proof = await proveInclusion(BigInt(index), 70_000n, readNode);
      expect(verifyInclusion(BigInt(index), 70_000n, log.leaves[index]!, proof, log.root)).toBe(true);
      const consistency = await proveConsistency(BigInt(oldSize), 70_000n, readNode);
      expect(verifyConsistency(BigInt(oldSize), 70_000n, log.rootAt[oldSize - 1]!, log.root, consistency)).toBe(true);
    }), { numRuns: 60 });
  });

  it('refuse a tile of the wrong length', async () => {
    const short = nodesFromTiles(70_000n, async (tile) => (await log.readTile(tile)).subarray(32));
    await expect(proveInclusion(0n, 70_000n, short)).rejects.toMatchObject({ kind: 'tile' });
  });

  it('travel in a bundle that proves the entry under the key, and no other entry', async () => {
    const signer = signerFromSeed('bundle.example/log', Buffer.alloc(32, 3));
    const note = signNote(formatCheckpoint({ origin: signer.name, size: 70_000n, root: log.root }), signer);
    const proof = await proveInclusion(777n, 70_000n, nodesFromTiles(70_000n, log.readTile));
    const bundle = formatProofBundle({ index: 777n, proof, note });
    expect(verifyProofBundle(bundle, Buffer.from('entry 777'), signer).size).toBe(70_000n);
    expect(() => verifyProofBundle(bundle, Buffer.from('entry 778'), signer)).toThrow('not at 777');
    expect(parseProofBundle(Buffer.from(bundle.toString().replace('\n', '\nextra AAAA\n'))).index).toBe(777n);
    const other = signerFromSeed('other.example/log', Buffer.alloc(32, 3));
    const foreign = formatProofBundle({ index: 777n, proof, note: signNote(formatCheckpoint({ origin: signer.name, size: 70_000n, root: log.root }), other) });
    expect(() => verifyProofBundle(foreign, Buffer.from('entry 777'), other)).toThrow(expect.objectContaining({ kind: 'checkpoint' }));
  });

  it.each(['', 'c2sp.org/tlog-proof@v2\nindex 1\n\nx', 'c2sp.org/tlog-proof@v1\nindex 01\n\nx', 'c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx'])('refuse the bundle %j', (text) => {
    expect(() => parseProofBundle(Buffer.from(text))).toThrow(expect.objectContaining({ kind: 'proof' }));
  });
});

describe('entry bundles', () => {
  it('give back the entries that went in', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 }), (entries) => {
      expect(decodeEntryBundle(encodeEntryBundle(entries), entries.length).map((entry) => [...entry])).toEqual(entries.map((entry) => [...entry]));
    }));
  });

  it('hold entries up to 65,535 bytes', () => {
    expect(encodeEntryBundle([Buffer.alloc(65_535)]).length).toBe(65_537);
    expect(() => encodeEntryBundle([Buffer.alloc(65_536)])).toThrow(expect.objectContaining({ kind: 'entry' }));
  });

  it('are refused when cut or when the number is another', () => {
    const bundle = encodeEntryBundle([Buffer.from('ab'), Buffer.from('c')]);
    for (let length = 1; length < bundle.length; length++) expect(() => decodeEntryBundle(bundle.subarray(0, length), 2)).toThrow(expect.objectContaining({ kind: 'tile' }));
    expect(() => decodeEntryBundle(bundle, 1)).toThrow('2 entries instead of 1');
  });
});
