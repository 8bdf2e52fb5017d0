import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { LogFault } from './fault.ts';
import { isKeyName, verifierKey, type VerifierKey } from './verifier-key.ts';

/** The specification asks for at least 16 signatures of up to 5 kB; more than this is an attack on the reader. */
const MAX_SIGNATURES = 100;
const MAX_NOTE_BYTES = 1_000_000;
const KEY_ID_BYTES = 4;
/** PKCS #8 of an Ed25519 key (RFC 8410) up to the 32-byte seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Who can sign: the private key and what others verify with. */
export interface NoteSigner extends VerifierKey {
  readonly privateKey: KeyObject;
}

/** The signer whose Ed25519 key has this 32-byte seed (RFC 8032). */
export function signerFromSeed(name: string, seed: Uint8Array): NoteSigner {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  return { ...verifierKey(name, createPublicKey(privateKey)), privateKey };
}

/** Signs a text that ends in a newline and has no other control character (C2SP signed-note). */
export function signNote(text: string, signer: NoteSigner): Buffer {
  if (!isNoteText(text)) throw new LogFault('note', 'The text of a note must end in a newline and have no other control character.');
  const id = Buffer.allocUnsafe(KEY_ID_BYTES);
  id.writeUInt32BE(signer.id);
  const signature = Buffer.concat([id, sign(null, Buffer.from(text), signer.privateKey)]);
  return Buffer.from(`${text}\n— ${signer.name} ${signature.toString('base64')}\n`);
}

/**
 * The text of a note, once it is proven that one of the given keys signed it. Signatures of other keys are ignored;
 * a wrong signature of a given key condemns the note. Throws LogFault `note` or `signature`.
 */
export function openNote(note: Uint8Array, keys: readonly VerifierKey[]): string {
  const { text, signatures } = splitNote(note);
  const signed = Buffer.from(text);
  let verified = 0;
  for (const { name, payload } of signatures) {
    const key = keys.find((candidate) => candidate.name === name && candidate.id === payload.readUInt32BE(0));
    if (!key) continue;
    if (!verify(null, signed, key.publicKey, payload.subarray(KEY_ID_BYTES))) throw new LogFault('signature', `The signature of ${key.name} is wrong.`);
    verified++;
  }
  if (verified === 0) throw new LogFault('signature', 'No signature of an expected key is on this note.');
  return text;
}

interface NoteSignature {
  readonly name: string;
  /** Key id and signature. */
  readonly payload: Buffer;
}

function splitNote(note: Uint8Array): { text: string; signatures: NoteSignature[] } {
  if (note.length > MAX_NOTE_BYTES) throw new LogFault('note', `A note of ${note.length} bytes is longer than ${MAX_NOTE_BYTES}.`);
  const all = decodeUtf8(note);
  const end = all.lastIndexOf('\n\n');
  if (end < 0 || !all.endsWith('\n') || end + 2 === all.length) throw new LogFault('note', 'The note has no signatures.');
  const text = all.slice(0, end + 1);
  if (!isNoteText(text)) throw new LogFault('note', 'The text of the note has a control character in it.');
  const lines = all.slice(end + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw new LogFault('note', `The note has more than ${MAX_SIGNATURES} signatures.`);
  return { text, signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name, encoded] = /^— ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? [];
  const payload = Buffer.from(encoded ?? '', 'base64');
  const isSignature = name !== undefined && isKeyName(name) && payload.length > KEY_ID_BYTES && payload.toString('base64') === encoded;
  if (!isSignature) throw new LogFault('note', 'A signature line of the note is malformed.');
  return { name, payload };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (fault) {
    throw new LogFault('note', 'The note is not UTF-8.', fault);
  }
}

function isNoteText(text: string): boolean {
  return text.endsWith('\n') && text.isWellFormed() && !/[\p{Cc}--\n]/v.test(text);
}
