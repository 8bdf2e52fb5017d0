import { hash } from 'node:crypto';
import { decodeLogEntry, LogFault, parseProofBundle, verifyProofBundle, type Checkpoint, type LogEntry } from '@sluice/transparency';
import { z } from 'zod';
import { proof } from '../platform-api/answers.ts';
import type { LogSource } from './log-source.ts';

const opening = z.object({ name: z.string(), salt: z.base64(), value: z.base64() });
const answer = proof.extend({ openings: z.array(opening).optional() });

export interface CallProof {
  readonly id: string;
  readonly index: number;
  readonly type: string;
  readonly minute: string;
  /** Names of the commitments that the record opens; empty for a role that may not read it, or when it is gone. */
  readonly opened: readonly string[];
}

/** Proves that the call's end is in the log, and that the values in its record are those that the entry commits to. */
export async function verifyCall(id: string, { api, key }: Pick<LogSource, 'api' | 'key'>, log: Checkpoint): Promise<CallProof> {
  const given = await api.get(`/audit/calls/${encodeURIComponent(id)}/proof`, answer);
  const bundle = Buffer.from(given.bundle);
  const bytes = Buffer.from(given.entry, 'base64');
  const checkpoint = verifyProofBundle(bundle, bytes, key);
  // Both are signed by the same key: of the same size they must be the same tree.
  if (checkpoint.size === log.size && Buffer.compare(checkpoint.root, log.root) !== 0) throw new LogFault('consistency', 'The log signs two trees of the same size.');
  const entry = decodeLogEntry(bytes);
  const opened = (given.openings ?? []).map(({ name, salt, value }) => checkOpening(entry, name, Buffer.from(salt, 'base64'), Buffer.from(value, 'base64')));
  return { id, index: Number(parseProofBundle(bundle).index), type: entry.type, minute: new Date(entry.minuteMs).toISOString(), opened };
}

function checkOpening(entry: LogEntry, name: string, salt: Buffer, value: Buffer): string {
  const committed = entry.commitments.find((commitment) => commitment.name === name);
  if (!committed) throw new LogFault('proof', `The entry commits to no ${name}.`);
  const expected = hash('sha256', Buffer.concat([salt, value]), 'buffer');
  if (Buffer.compare(expected, committed.hash) !== 0) throw new LogFault('proof', `The record's ${name} is not what the entry commits to.`);
  return name;
}
