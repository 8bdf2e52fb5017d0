import { ServiceError } from '@sluice/errors';
import type { Sql } from '@sluice/sql';
import { formatCheckpoint, signNote, type NoteSigner } from '@sluice/transparency';
import { lockLog } from './log-sql.ts';

/** A checkpoint that was signed; it is in the table before anyone sees it. */
export interface SignedCheckpoint {
  readonly size: bigint;
  readonly root: Buffer;
  readonly note: Buffer;
  readonly signedAtMs: bigint;
}

/**
 * Signs the log as it is now, unless the newest checkpoint says the same; tells which one is the newest then. The log's row is locked until the checkpoint
 * is durable, so no two signers can sign at once and nothing is signed that could be forgotten.
 */
export async function signCheckpoint(sql: Sql, signer: NoteSigner, nowMs: number): Promise<{ readonly size: bigint; readonly signedAtMs: number }> {
  return sql.transaction(async (transaction) => {
    const range = await lockLog(transaction);
    const [newest] = await transaction.query<{ size: bigint; signed_at_ms: bigint }>('SELECT size, signed_at_ms FROM checkpoint ORDER BY size DESC LIMIT 1');
    if (newest?.size === range.size) return { size: newest.size, signedAtMs: Number(newest.signed_at_ms) };
    const signedSize = newest?.size ?? -1n;
    if (range.size < signedSize) throw new ServiceError('internal', `The log has ${range.size} entries, but ${signedSize} were signed: entries are lost, and nothing is signed any more. Restore a whole backup.`);
    const root = range.root();
    const note = signNote(formatCheckpoint({ origin: signer.name, size: range.size, root }), signer);
    const signedAtMs = Math.trunc(nowMs);
    await transaction.query('INSERT INTO checkpoint (size, root, note, signed_at_ms) VALUES ($1, $2, $3, $4)', [range.size, Buffer.from(root), note, signedAtMs]);
    return { size: range.size, signedAtMs };
  });
}

/** The newest checkpoint. Throws `audit_log_unavailable` before the first one is signed, in the first moments of a new log. */
export async function newestCheckpoint(sql: Sql): Promise<SignedCheckpoint> {
  const [row] = await sql.query<{ size: bigint; root: Buffer; note: Buffer; signed_at_ms: bigint }>({ name: 'audit_newest_checkpoint', text: 'SELECT size, root, note, signed_at_ms FROM checkpoint ORDER BY size DESC LIMIT 1' });
  if (!row) throw new ServiceError('audit_log_unavailable', 'The audit log has no checkpoint yet.', { retryAfterSeconds: 1 });
  return { size: row.size, root: row.root, note: row.note, signedAtMs: row.signed_at_ms };
}
