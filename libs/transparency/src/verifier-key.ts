import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { LogFault } from './fault.ts';

/** Ed25519 over the text of a note (C2SP signed-note). */
const ED25519_TYPE = 0x01;
const PUBLIC_KEY_BYTES = 32;
/** SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) up to the key itself. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Who signs notes, as everyone may know it. */
export interface VerifierKey {
  readonly name: string;
  /** First four bytes of SHA-256(name || 0x0A || type || public key), big-endian. */
  readonly id: number;
  readonly publicKey: KeyObject;
}

/** A key name is not empty and has neither white space nor `+` in it. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.isWellFormed() && !/[\s+\p{White_Space}\p{Cc}]/u.test(name);
}

export function verifierKey(name: string, publicKey: KeyObject): VerifierKey {
  if (!isKeyName(name)) throw new LogFault('note', 'A key name must not be empty and must have no space and no + in it.');
  return { name, id: keyId(name, typedKey(publicKey)), publicKey };
}

/** `name+id+key`: the id as eight hexadecimal digits, the key with its type byte in base64. */
export function formatVerifierKey({ name, id, publicKey }: VerifierKey): string {
  return `${name}+${id.toString(16).padStart(8, '0')}+${typedKey(publicKey).toString('base64')}`;
}

/** The base64 part may hold a `+` itself, so the text is split at the first two only. */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, idText, encoded] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (name === undefined || idText === undefined || encoded === undefined || !isKeyName(name)) throw new LogFault('note', 'This is no verifier key: it must read name+id+key.');
  const typed = Buffer.from(encoded, 'base64');
  if (typed.toString('base64') !== encoded) throw new LogFault('note', 'The key in this verifier key is not canonical base64.');
  if (typed[0] !== ED25519_TYPE || typed.length !== 1 + PUBLIC_KEY_BYTES) throw new LogFault('note', 'This verifier key is not an Ed25519 key.');
  if (keyId(name, typed) !== Number.parseInt(idText, 16)) throw new LogFault('note', 'The id in this verifier key does not belong to its key.');
  return { name, id: Number.parseInt(idText, 16), publicKey: createPublicKey({ key: Buffer.concat([SPKI_PREFIX, typed.subarray(1)]), format: 'der', type: 'spki' }) };
}

function typedKey(publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new LogFault('note', 'Notes are signed with Ed25519 keys.');
  return Buffer.concat([Uint8Array.of(ED25519_TYPE), spki.subarray(SPKI_PREFIX.length)]);
}

function keyId(name: string, typed: Uint8Array): number {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').readUInt32BE(0);
}
