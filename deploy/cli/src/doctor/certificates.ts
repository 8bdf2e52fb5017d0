import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Findings, reasonOf, type Finding } from './finding.ts';

const DAY_MS = 86_400_000;
/** Certificates of `sluice certs` are made anew when less is left. */
const RENEWAL_DAYS = 30;
const LAST_DAYS = 7;

/** Every certificate in the files, with the days that it is still good for. */
export function lookAtCertificates(files: readonly string[]): readonly Finding[] {
  const found = new Findings('certificates');
  for (const file of new Set(files)) {
    try {
      const pems = readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
      if (pems.length === 0) found.wrong(file, 'holds no certificate', 'put the right file there: PEM, as sluice certs writes it');
      for (const pem of pems) judgeDays(found, file, new X509Certificate(pem));
    } catch (error) {
      found.wrong(file, `cannot be read (${reasonOf(error)})`, 'put the file there, readable by this user, or name another');
    }
  }
  return found.all;
}

/** The certificates of a folder, as `sluice certs` keeps them. */
export function certificatesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.pem')).map((name) => join(folder, name)) : [];
}

/** How long a certificate is still good. */
export function judgeDays(found: Findings, name: string, { validFrom, validTo }: Pick<X509Certificate, 'validFrom' | 'validTo'>, nowMs = Date.now()): void {
  const days = Math.floor((Date.parse(validTo) - nowMs) / DAY_MS);
  const mend = 'make a new one: sluice certs makes those that are near their end anew';
  if (Date.parse(validFrom) > nowMs) found.wrong(name, `is good from ${new Date(validFrom).toISOString()} on`, 'look at the clock of this machine');
  else if (days < 0) found.wrong(name, `ended at ${new Date(validTo).toISOString()}`, mend);
  else if (days < LAST_DAYS) found.wrong(name, `${days} days left`, mend);
  else if (days < RENEWAL_DAYS) found.warn(name, `${days} days left`, mend);
  else found.ok(name, `${days} days left`);
}
