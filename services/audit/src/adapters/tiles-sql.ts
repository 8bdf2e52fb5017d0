import { ServiceError } from '@sluice/errors';
import type { Sql } from '@sluice/sql';
import { encodeEntryBundle, TILE_WIDTH, tileWidth, type Tile } from '@sluice/transparency';

/** The bytes of a tile within the first `size` entries, whatever its width. Throws `not_found` for one that reaches beyond. */
export async function readTile(sql: Sql, tile: Tile, size: bigint): Promise<Buffer> {
  const { level, index, width } = tile;
  if (width > tileWidth(level, index, size)) throw new ServiceError('not_found', 'The log has no such tile.');
  const first = index * BigInt(TILE_WIDTH);
  const end = first + BigInt(width);
  if (level === 'entries') {
    const rows = await sql.query<{ entry: Buffer }>({ name: 'audit_read_entries', text: 'SELECT entry FROM leaf WHERE idx >= $1 AND idx < $2 ORDER BY idx' }, [first, end]);
    return encodeEntryBundle(whole(rows.map(({ entry }) => entry), width));
  }
  const rows = level === 0
    ? await sql.query<{ hash: Buffer }>({ name: 'audit_read_leaf_hashes', text: 'SELECT leaf_hash AS hash FROM leaf WHERE idx >= $1 AND idx < $2 ORDER BY idx' }, [first, end])
    : await sql.query<{ hash: Buffer }>({ name: 'audit_read_nodes', text: 'SELECT hash FROM node WHERE level = $3 AND idx >= $1 AND idx < $2 ORDER BY idx' }, [first, end, level]);
  return Buffer.concat(whole(rows.map(({ hash }) => hash), width));
}

/** A hole in the rows means that somebody reached into the database; a tile with a hole must not look like a tile. */
function whole(parts: Buffer[], width: number): Buffer[] {
  if (parts.length !== width) throw new ServiceError('internal', 'Rows of the audit log are missing.');
  return parts;
}
