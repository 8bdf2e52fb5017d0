import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock, Ids } from '@sluice/clock';
import { Authority, type KeyPair, type LeafNames } from './authority.ts';
import { checkPeerIdentity } from './peer-identity.ts';

const DAY_MS = 24 * 60 * 60_000;
/** A third of their life: three chances of a monthly job. */
const RENEW_BEFORE_MS = 30 * DAY_MS;
const FILE_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const AUTHORITY_FILE = 'ca';

export interface ProcessCertificate {
  /** Names the files, `NAME.pem` and `NAME.key`. */
  readonly name: string;
  readonly services: readonly string[];
  readonly hosts: readonly string[];
}

export interface CertificateReport {
  readonly name: string;
  readonly notAfter: Date;
  /** True when it was made now. */
  readonly isNew: boolean;
}

/**
 * Sees to it that a folder holds an authority (`ca.pem`, `ca.key`) and a good certificate for each process: made when
 * it is missing, names something else, was signed by another authority or ends within 30 days. What is good stays, so
 * this can run every day. Processes that watch their files take the new ones without a restart.
 */
export async function keepCertificates(folder: string, wanted: readonly ProcessCertificate[], clock: Clock, ids: Ids): Promise<CertificateReport[]> {
  const wrong = wanted.find(({ name }) => !FILE_NAME.test(name) || name === AUTHORITY_FILE);
  if (wrong) throw new Error(`"${wrong.name}" cannot name the files of a certificate: small letters, digits and hyphens, and not "${AUTHORITY_FILE}".`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { authority, isNew } = await keepAuthority(folder, clock, ids);
  const reports: CertificateReport[] = [{ name: AUTHORITY_FILE, notAfter: authority.certificate.validToDate, isNew }];
  for (const one of wanted) {
    const present = await readPair(folder, one.name);
    const isGood = present !== undefined && readable(folder, one.name, 'Remove both, and they are made anew.', () => fits(present, one, authority, clock.wallMs()));
    const pair = isGood ? present : authority.issue(leafOf(one));
    if (!isGood) await writePair(folder, one.name, pair);
    reports.push({ name: one.name, notAfter: new X509Certificate(pair.certificate).validToDate, isNew: !isGood });
  }
  return reports;
}

async function keepAuthority(folder: string, clock: Clock, ids: Ids): Promise<{ authority: Authority; isNew: boolean }> {
  const present = await readPair(folder, AUTHORITY_FILE);
  if (!present) {
    const half = (await readText(join(folder, `${AUTHORITY_FILE}.pem`))) ?? (await readText(join(folder, `${AUTHORITY_FILE}.key`)));
    if (half !== undefined) throw new Error(`${folder} holds one of ca.pem and ca.key, and both are needed to sign. A new authority would cut off everyone who trusts this one.`);
    const authority = Authority.make('Sluice certificate authority', clock, ids);
    await writePair(folder, AUTHORITY_FILE, authority.pair);
    return { authority, isNew: true };
  }
  const authority = readable(folder, AUTHORITY_FILE, 'Put both back from a copy: a new authority would cut off everyone who trusts this one.', () => new Authority(present, clock, ids));
  const end = authority.certificate.validToDate;
  if (end.getTime() - clock.wallMs() < RENEW_BEFORE_MS) throw new Error(`The authority in ${folder} ends at ${end.toISOString()}. Make a new one in another folder and let every process trust both (one ca.pem with both certificates) until all have certificates of the new one.`);
  return { authority, isNew: false };
}

/** What was read of the two files of a name. Throws an error that names them where one is none. */
function readable<T>(folder: string, name: string, mend: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${join(folder, `${name}.pem`)} and ${name}.key are no certificate with its key: one of them is damaged. ${mend}`, { cause: error });
  }
}

function leafOf({ name, services, hosts }: ProcessCertificate): LeafNames {
  return { subject: name, services, hosts };
}

function fits({ certificate, key }: KeyPair, { services, hosts }: ProcessCertificate, authority: Authority, nowMs: number): boolean {
  const present = new X509Certificate(certificate);
  return authority.signed(present)
    && present.checkPrivateKey(createPrivateKey(key))
    && present.validToDate.getTime() - nowMs >= RENEW_BEFORE_MS
    && services.every((service) => checkPeerIdentity(present.raw, service) === undefined)
    && hosts.every((host) => (isIP(host) ? present.checkIP(host) : present.checkHost(host)) !== undefined);
}

/** Undefined when either is missing: one without the other serves nobody. */
async function readPair(folder: string, name: string): Promise<KeyPair | undefined> {
  const [certificate, key] = [await readText(join(folder, `${name}.pem`)), await readText(join(folder, `${name}.key`))];
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

/** An unreadable file is an error, never a reason to write over it. */
async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Each file appears whole; that the two change one after the other is seen by who reads them, since they do not fit then. */
async function writePair(folder: string, name: string, { certificate, key }: KeyPair): Promise<void> {
  await replace(join(folder, `${name}.key`), key, 0o600);
  await replace(join(folder, `${name}.pem`), certificate, 0o644);
}

async function replace(file: string, text: string, mode: number): Promise<void> {
  await writeFile(`${file}.new`, text, { mode });
  await rename(`${file}.new`, file);
}
