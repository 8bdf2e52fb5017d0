import { X509Certificate, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Clock, Ids } from '@sluice/clock';
import { signCertificate } from './certificate.ts';
import { identityOf } from './peer-identity.ts';

const DAY_MS = 24 * 60 * 60_000;
/** The authority's own certificate is spread by hand, so it lasts. */
const AUTHORITY_LIFE_MS = 3650 * DAY_MS;
/** Renewed without a restart, so they may be short; long enough that a forgotten renewal shows before it hurts. */
export const LEAF_LIFE_MS = 90 * DAY_MS;
/** Clocks of a cluster differ. */
const SKEW_MS = 5 * 60_000;
const SERIAL_BYTES = 16;

/** A certificate and its private key, each in PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface LeafNames {
  /** For people. */
  readonly subject: string;
  /** The services that the process hosts: it may prove to be each of them. */
  readonly services: readonly string[];
  /** Host names and IP addresses under which clients that check hosts reach it. */
  readonly hosts: readonly string[];
}

/** Whom the processes of one installation trust, and who signs for them. */
export class Authority {
  readonly pair: KeyPair;
  readonly certificate: X509Certificate;
  readonly #key: KeyObject;
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor(pair: KeyPair, clock: Clock, ids: Ids) {
    this.pair = pair;
    this.certificate = new X509Certificate(pair.certificate);
    this.#key = createPrivateKey(pair.key);
    if (!this.certificate.checkPrivateKey(this.#key)) throw new Error("The authority's certificate and key do not belong together.");
    this.#clock = clock;
    this.#ids = ids;
  }

  static make(subject: string, clock: Clock, ids: Ids): Authority {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const life = lifeFrom(clock.wallMs(), AUTHORITY_LIFE_MS);
    const certificate = signCertificate({ subject, issuer: subject, serial: serialFrom(ids), ...life, publicKey, names: undefined }, privateKey);
    return new Authority({ certificate, key: pemOfKey(privateKey) }, clock, ids);
  }

  /** A new key and its certificate for 90 days, or as long as the authority itself lasts. */
  issue({ subject, services, hosts }: LeafNames): KeyPair {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { notBefore, notAfter } = lifeFrom(this.#clock.wallMs(), LEAF_LIFE_MS);
    const end = new Date(Math.min(notAfter.getTime(), this.certificate.validToDate.getTime()));
    const names = { uris: services.map(identityOf), hosts };
    const fields = { subject, issuer: commonNameOf(this.certificate), serial: serialFrom(this.#ids), notBefore, notAfter: end, publicKey, names };
    return { certificate: signCertificate(fields, this.#key), key: pemOfKey(privateKey) };
  }

  signed(certificate: X509Certificate): boolean {
    return certificate.verify(this.certificate.publicKey);
  }
}

function commonNameOf(certificate: X509Certificate): string {
  return certificate.subject.slice('CN='.length);
}

/** Whole seconds, because certificates know no parts of them. */
function lifeFrom(nowMs: number, lifeMs: number): { notBefore: Date; notAfter: Date } {
  const seconds = (ms: number) => new Date(Math.floor(ms / 1000) * 1000);
  return { notBefore: seconds(nowMs - SKEW_MS), notAfter: seconds(nowMs + lifeMs) };
}

/** The first bit is 0, because a serial is positive; the next is 1, because it has no leading zeros. */
function serialFrom(ids: Ids): Buffer {
  const serial = Buffer.from(ids.randomBytes(SERIAL_BYTES));
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial;
}

function pemOfKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}
