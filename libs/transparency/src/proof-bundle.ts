import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { LogFault } from './fault.ts';
import { HASH_BYTES, leafHash } from './merkle-hash.ts';
import { openNote } from './signed-note.ts';
import type { VerifierKey } from './verifier-key.ts';
import { verifyInclusion } from './verify-proof.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^63 entries needs 63 hashes. */
const MAX_PROOF_HASHES = 63;

/** All that proves one entry: its place, the way to the root, and the signed checkpoint (C2SP tlog-proof). */
export interface ProofBundle {
  readonly index: bigint;
  readonly proof: readonly Uint8Array[];
  /** The checkpoint as it was signed. */
  readonly note: Uint8Array;
}

export function formatProofBundle({ index, proof, note }: ProofBundle): Buffer {
  const lines = [HEADER, `index ${index}`, ...proof.map((hash) => Buffer.from(hash).toString('base64')), '', ''];
  return Buffer.concat([Buffer.from(lines.join('\n')), note]);
}

/** An `extra` line is passed over: nothing vouches for it. */
export function parseProofBundle(bundle: Uint8Array): ProofBundle {
  const bytes = Buffer.from(bundle);
  const end = bytes.indexOf('\n\n');
  if (end < 0) throw new LogFault('proof', 'The proof bundle holds no checkpoint.');
  const [header, ...lines] = bytes.toString('utf8', 0, end).split('\n');
  if (lines[0]?.startsWith('extra ')) lines.shift();
  const [, indexText] = /^index (0|[1-9][0-9]{0,18})$/.exec(lines.shift() ?? '') ?? [];
  if (header !== HEADER || indexText === undefined || lines.length > MAX_PROOF_HASHES) throw new LogFault('proof', 'This is no proof bundle.');
  return { index: BigInt(indexText), proof: lines.map(parseHash), note: bytes.subarray(end + 2) };
}

/** The checkpoint that covers the entry. Throws LogFault when the bundle does not prove it under this key. */
export function verifyProofBundle(bundle: Uint8Array, entry: Uint8Array, key: VerifierKey): Checkpoint {
  const { index, proof, note } = parseProofBundle(bundle);
  const checkpoint = parseCheckpoint(openNote(note, [key]));
  if (checkpoint.origin !== key.name) throw new LogFault('checkpoint', `The checkpoint is of ${checkpoint.origin}, not of ${key.name}.`);
  if (!verifyInclusion(index, checkpoint.size, leafHash(entry), proof, checkpoint.root)) throw new LogFault('proof', `The entry is not at ${index} of this log.`);
  return checkpoint;
}

function parseHash(line: string): Buffer {
  const hash = Buffer.from(line, 'base64');
  if (hash.length !== HASH_BYTES || hash.toString('base64') !== line) throw new LogFault('proof', 'A hash of the proof bundle is malformed.');
  return hash;
}
