import type { Ids } from '@sluice/clock';
import type { RootKey } from '@sluice/envelope';
import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import { CompactRange, encodeLogEntry, leafHash, signerFromSeed, TILE_HEIGHT, type LogEntry, type NoteSigner } from '@sluice/transparency';
import { numberArray } from './array-literal.ts';

const KEY_PURPOSE = 'audit.checkpoint';
const SEED_BYTES = 32;
const LOG_ID_BYTES = 10;

interface LogRow {
  readonly origin: string;
  readonly sealed_seed: Buffer;
}

/** The log's name and key: made at the first start, the same ever after. Throws `failed_precondition` when another name is asked for. */
export async function openLog(sql: Sql, rootKey: RootKey, ids: Ids, origin: string | undefined): Promise<NoteSigner> {
  const made = origin ?? `sluice.local/${Buffer.from(ids.randomBytes(LOG_ID_BYTES)).toString('hex')}`;
  const sealed = rootKey.wrap(KEY_PURPOSE, ids.randomBytes(SEED_BYTES));
  await sql.query('INSERT INTO log (origin, sealed_seed, size, frontier) VALUES ($1, $2, 0, $3) ON CONFLICT (id) DO NOTHING', [made, sealed, Buffer.alloc(0)]);
  const [row] = await sql.query<LogRow>('SELECT origin, sealed_seed FROM log');
  if (origin !== undefined && row!.origin !== origin) {
    throw new ServiceError('failed_precondition', `SLUICE_AUDIT_ORIGIN is ${origin}, but this log was made as ${row!.origin}, and a log keeps its name. Remove the setting or set it to ${row!.origin}.`);
  }
  return signerFromSeed(row!.origin, rootKey.unwrap(KEY_PURPOSE, row!.sealed_seed));
}

/** Takes the log for this transaction: nobody else appends or signs until it ends. */
export async function lockLog(transaction: SqlTransaction): Promise<CompactRange> {
  const [row] = await transaction.query<{ size: bigint; frontier: Buffer }>({ name: 'audit_lock_log', text: 'SELECT size, frontier FROM log FOR UPDATE' });
  return CompactRange.decode(row!.size, row!.frontier);
}

/** Appends entries in order; returns the index of the first. The tree's new edge commits with them. */
export async function appendLeaves(transaction: SqlTransaction, entries: readonly LogEntry[]): Promise<bigint> {
  const range = await lockLog(transaction);
  const first = range.size;
  const encoded = entries.map(encodeLogEntry);
  const hashes = encoded.map(leafHash);
  const nodes: { level: number; index: bigint; hash: Buffer }[] = [];
  for (const hash of hashes) {
    range.append(hash, (height, index, node) => {
      if (height % TILE_HEIGHT === 0) nodes.push({ level: height / TILE_HEIGHT, index, hash: node });
    });
  }
  await transaction.query(INSERT_LEAVES, [first, Buffer.concat(encoded), Buffer.concat(hashes), offsetsOf(encoded), numberArray(encoded.map(({ length }) => length))]);
  if (nodes.length > 0) {
    await transaction.query(INSERT_NODES, [numberArray(nodes.map(({ level }) => level)), numberArray(nodes.map(({ index }) => index)), Buffer.concat(nodes.map(({ hash }) => hash))]);
  }
  await transaction.query({ name: 'audit_move_log', text: 'UPDATE log SET size = $1, frontier = $2' }, [range.size, range.encode()]);
  return first;
}

/** Bytes travel as one value and are cut by the server: an array of bytes would be twice as long and be parsed. */
const INSERT_LEAVES = {
  name: 'audit_insert_leaves',
  text: `INSERT INTO leaf (idx, entry, leaf_hash)
    SELECT $1::bigint + at - 1, substring($2::bytea FROM start FOR length), substring($3::bytea FROM (at::int - 1) * 32 + 1 FOR 32)
    FROM unnest($4::int[], $5::int[]) WITH ORDINALITY AS part (start, length, at)`,
};

const INSERT_NODES = {
  name: 'audit_insert_nodes',
  text: `INSERT INTO node (level, idx, hash)
    SELECT level, idx, substring($3::bytea FROM (at::int - 1) * 32 + 1 FOR 32)
    FROM unnest($1::smallint[], $2::bigint[]) WITH ORDINALITY AS part (level, idx, at)`,
};

/** Where each part begins in their concatenation, counted from 1 as SQL does. */
export function offsetsOf(parts: readonly Uint8Array[]): string {
  let start = 1;
  return numberArray(parts.map(({ length }) => {
    start += length;
    return start - length;
  }));
}
