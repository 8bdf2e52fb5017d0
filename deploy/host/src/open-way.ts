import { isLoopbackHost } from './address.ts';

/** A server on another machine that is spoken to in plain text. */
export interface OpenWay {
  readonly setting: string;
  readonly says: string;
  readonly mend: string;
}

const AUTHORITY = /^[a-z]+:\/\/(?:[^/?#]*@)?(?<host>\[[^\]]*\]|[^/?#:]*)/i;

/** In a line of a log. */
export function openWayText({ setting, says, mend }: OpenWay): string {
  return `${setting} ${says}. Mend: ${mend}.`;
}

/** Undefined where the way is TLS or stays on this machine, and where `sslmode=disable` insists on plain text, as `KAFKA_PLAINTEXT=true` does of Kafka. */
export function openWayToDatabase(url: string | undefined): OpenWay | undefined {
  if (url === undefined) return undefined;
  const parameters = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
  const host = parameters.get('host') ?? decodeURIComponent(hostIn(url));
  if (parameters.get('sslmode') !== null || host.startsWith('/') || isHere(host)) return undefined;
  return {
    setting: 'DATABASE_URL',
    says: 'names a PostgreSQL on another machine without TLS: whoever is on the way there could read and change what the platform keeps',
    mend: 'add sslmode=verify-full to it, with sslrootcert=FILE unless a public authority signed the certificate of the server; sslmode=disable says that nobody else is on that network',
  };
}

/** As of the database; of Redis there is no word that insists on plain text. */
export function openWayToRedis(url: string | undefined): OpenWay | undefined {
  if (url === undefined || !/^redis:/i.test(url) || isHere(hostIn(url))) return undefined;
  return {
    setting: 'REDIS_URL',
    says: 'names a Redis on another machine without TLS: whoever is on the way there could read its password and change what the limits count',
    mend: 'write rediss:// and let the server speak TLS, or keep everybody else off that network',
  };
}

function hostIn(url: string): string {
  return AUTHORITY.exec(url)?.groups?.['host'] ?? '';
}

/** An empty one is this machine to both drivers. */
function isHere(host: string): boolean {
  return host === '' || isLoopbackHost(host.replace(/^\[|\]$/g, ''));
}
