import { accessSync, constants } from 'node:fs';

/** As libpq takes it; not every such address is a URL to others: `postgresql://user@/database?host=/run/postgresql` names a socket's folder. */
const POSTGRES_URL = /^postgres(ql)?:\/\/\S+$/;
const FILES = ['sslrootcert', 'sslcert', 'sslkey'] as const;

/**
 * What is wrong with the address of a database, in words for who set it; undefined when nothing is.
 *
 * Of libpq's ways to use TLS (PostgreSQL manual, 34.19) only two mean what they say: none at all, and one in which the
 * server's certificate and its name are checked. The others encrypt for whoever answers, so they are refused. A password
 * that may stand in the address is never quoted.
 */
export function databaseUrlFault(url: string): string | undefined {
  if (!POSTGRES_URL.test(url)) return 'must be an address such as postgresql://user@host/database';
  const parameters = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  const mode = url.includes('?') ? parameters.get('sslmode') : null;
  if (mode !== null && mode !== 'verify-full' && mode !== 'disable') {
    return `must have sslmode=verify-full, with sslrootcert=FILE unless a public authority signed the server's certificate, or sslmode=disable; sslmode=${mode} does not check whom it talks to`;
  }
  return url.includes('?') ? FILES.map((name) => fileFault(name, parameters.get(name))).find((fault) => fault !== undefined) : undefined;
}

function fileFault(name: string, path: string | null): string | undefined {
  if (path === null) return undefined;
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch {
    return `names a file by ${name} that cannot be read: ${path}`;
  }
}
