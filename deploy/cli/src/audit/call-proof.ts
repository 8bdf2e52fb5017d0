import { commitmentHash } from '@sluice/segment';
import { decodeLogEntry, LogFault, parseProofBundle, verifyProofBundle, type Checkpoint, type LogEntry } from '@sluice/transparency';
import { proof, recordedCall } from '../platform-api/answers.ts';
import { callEvidence, proveError, proveOutput, provePrompt, type CallEvidence, type Opened } from './call-evidence.ts';
import { proveFacts } from './call-facts.ts';
import type { LogSource } from './log-source.ts';
import { proveOriginals, type ProvenOriginals } from './original-evidence.ts';

const answer = proof.extend(callEvidence.partial().shape);

export interface CallProof {
  readonly id: string;
  readonly index: number;
  readonly type: string;
  readonly minute: string;
  /** Names of the commitments that the record opens; empty for a role that may not read it, or when it is gone. */
  readonly opened: readonly string[];
  /** Whether the request, and the answer, that `audit show` prints were held against their commitments and are the same. */
  readonly prompt: boolean;
  readonly output: boolean;
  /** The same of what is kept beside what was sent; absent where the entry commits to no originals. */
  readonly original?: ProvenOriginals;
}

/** Proves that the call's end is in the log, and that what `audit show` prints of it is what its entry commits to. */
export async function verifyCall(id: string, { api, key }: Pick<LogSource, 'api' | 'key'>, log: Checkpoint): Promise<CallProof> {
  const path = `/audit/calls/${encodeURIComponent(id)}`;
  const given = await api.get(`${path}/proof`, answer);
  const bundle = Buffer.from(given.bundle);
  const bytes = Buffer.from(given.entry, 'base64');
  const checkpoint = verifyProofBundle(bundle, bytes, key);
  // Both are signed by the same key: of the same size they must be the same tree.
  if (checkpoint.size === log.size && Buffer.compare(checkpoint.root, log.root) !== 0) throw new LogFault('consistency', 'The log signs two trees of the same size.');
  const entry = decodeLogEntry(bytes);
  const place = { id: id.replace(/^chatcmpl-/, ''), index: Number(parseProofBundle(bundle).index), type: entry.type, minute: new Date(entry.minuteMs).toISOString() };
  const { openings = [], prompt = null, error = null, output = null, original } = given;
  if (openings.length === 0) return { ...place, opened: [], prompt: false, output: false };
  const opened = open(entry, openings);
  if (opened.get('call_id')?.toString() !== place.id) throw new LogFault('proof', 'The entry is that of another call.');
  const shown = await api.get(path, recordedCall);
  proveFacts(entry.type, opened, shown);
  const evidence = { openings, prompt, error, output, original };
  proveError(evidence, opened, shown);
  const originals = proveOriginals(evidence, opened, shown);
  return { ...place, opened: [...opened.keys()], prompt: provePrompt(evidence, opened, shown), output: proveOutput(evidence, opened, shown), ...(originals ? { original: originals } : {}) };
}

function open(entry: LogEntry, openings: CallEvidence['openings']): Opened {
  const opened = new Map<string, Buffer>();
  for (const { name, salt, value } of openings) {
    const committed = entry.commitments.find((commitment) => commitment.name === name);
    if (!committed) throw new LogFault('proof', `The entry commits to no ${name}.`);
    if (Buffer.compare(commitmentHash(salt, value), committed.hash) !== 0) throw new LogFault('proof', `The record's ${name} is not what the entry commits to.`);
    opened.set(name, value);
  }
  return opened;
}
