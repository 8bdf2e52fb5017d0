import { LogFault } from './fault.ts';
import { HASH_BYTES, perfectRoot } from './merkle-hash.ts';
import type { ReadNode } from './proof.ts';

/** Levels of the tree that one tile covers. */
export const TILE_HEIGHT = 8;
/** Hashes, or entries, in a full tile. */
export const TILE_WIDTH = 256;
const MAX_LEVEL = 63;
/** Sizes are unsigned 64-bit numbers, so a tile's index has at most 17 digits. */
const MAX_INDEX_GROUPS = 6;

/** A tile of hashes at a level, or a bundle of entries. `width` below 256 names a partial tile (C2SP tlog-tiles). */
export interface Tile {
  readonly level: number | 'entries';
  readonly index: bigint;
  readonly width: number;
}

/** `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`; N in groups of three digits, all but the last with an `x`. */
export function formatTilePath({ level, index, width }: Tile): string {
  const digits = index.toString();
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g)!;
  const number = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${number}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

const TILE_PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** The tile that a path names; undefined for anything that is not exactly a tile's path. */
export function parseTilePath(path: string): Tile | undefined {
  const [, levelText, groups, widthText] = TILE_PATH.exec(path) ?? [];
  if (levelText === undefined || groups === undefined || groups.split('/').length > MAX_INDEX_GROUPS) return undefined;
  const level = levelText === 'entries' ? 'entries' : Number(levelText);
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
  if ((level !== 'entries' && level > MAX_LEVEL) || (widthText !== undefined && width >= TILE_WIDTH)) return undefined;
  const tile: Tile = { level, index: BigInt(groups.replaceAll(/[x/]/g, '')), width };
  // Leading groups of zeros would give one tile many names.
  return formatTilePath(tile) === path ? tile : undefined;
}

/** How many hashes (or entries) a tile holds in a tree of `size` leaves; 0 when it does not exist yet. */
export function tileWidth(level: number | 'entries', index: bigint, size: bigint): number {
  const hashes = (size >> BigInt(TILE_HEIGHT * (level === 'entries' ? 0 : level))) - index * BigInt(TILE_WIDTH);
  if (hashes <= 0n) return 0;
  return hashes >= BigInt(TILE_WIDTH) ? TILE_WIDTH : Number(hashes);
}

/** Every tile of hashes of a tree with `size` leaves, level by level. */
export function* tilesOf(size: bigint): Generator<Tile & { readonly level: number }> {
  for (let level = 0; size >> BigInt(TILE_HEIGHT * level) > 0n; level++) {
    for (let index = 0n; ; index++) {
      const width = tileWidth(level, index, size);
      if (width === 0) break;
      yield { level, index, width };
    }
  }
}

/** Reads nodes of the tree of `size` leaves out of its tiles; each tile is read once. */
export function nodesFromTiles(size: bigint, readTile: (tile: Tile) => Promise<Uint8Array>): ReadNode {
  const tiles = new Map<string, Promise<Uint8Array>>();
  return async (height, index) => {
    const level = Math.floor(height / TILE_HEIGHT);
    const within = height % TILE_HEIGHT;
    const first = index << BigInt(within);
    const tileIndex = first / BigInt(TILE_WIDTH);
    const tile: Tile = { level, index: tileIndex, width: tileWidth(level, tileIndex, size) };
    const path = formatTilePath(tile);
    let reading = tiles.get(path);
    if (!reading) tiles.set(path, (reading = readTile(tile)));
    const bytes = await reading;
    if (bytes.length !== tile.width * HASH_BYTES) throw new LogFault('tile', `${path} has ${bytes.length} bytes instead of ${tile.width * HASH_BYTES}.`);
    const offset = Number(first % BigInt(TILE_WIDTH));
    const hashes = Array.from({ length: 1 << within }, (_, at) => bytes.subarray((offset + at) * HASH_BYTES, (offset + at + 1) * HASH_BYTES));
    return perfectRoot(hashes);
  };
}
