import type { X509Certificate } from 'node:crypto';
import { openWayToRedis } from '@sluice/host';
import { askServer, type Place } from '@sluice/stack';
import { judgeDays } from './certificates.ts';
import { Findings, reasonOf, type Finding } from './finding.ts';

const ANSWER_LIMIT_MS = 5_000;
const DEFAULT_PORT = 6379;
const MEND_ADDRESS = 'start the server, or correct REDIS_URL: redis://user:password@host:port, or rediss:// over TLS';

/** The store of what several processes count together. */
export async function lookAtRedis(url: string | undefined): Promise<readonly Finding[]> {
  if (url === undefined) return [];
  const found = new Findings('redis');
  const address = URL.parse(url);
  if (!address || !/^rediss?:$/.test(address.protocol) || address.hostname === '') {
    found.wrong('REDIS_URL', 'is no address of a Redis', MEND_ADDRESS);
    return found.all;
  }
  const open = openWayToRedis(url);
  if (open) found.warn(open.setting, open.says, open.mend);
  const isTls = address.protocol === 'rediss:';
  const place: Place = { host: address.hostname.replace(/^\[|\]$/g, ''), port: Number(address.port || DEFAULT_PORT), isTls };
  let certificate: X509Certificate | undefined;
  try {
    const info = await askServer(place, { text: question(address), read: readInfo }, AbortSignal.timeout(ANSWER_LIMIT_MS), (socket) => void (certificate = socket.getPeerX509Certificate()));
    judge(found, info, isTls);
  } catch (error) {
    found.wrong(`${place.host}:${place.port}`, reasonOf(error), MEND_ADDRESS);
  }
  if (certificate) judgeDays(found, 'certificate', certificate);
  return found.all;
}

/** By the protocol of Redis itself (RESP), in which any byte may stand in a password. */
function question({ username, password }: URL): Buffer {
  const auth = password === '' ? [] : [['AUTH', ...(username === '' ? [] : [decodeURIComponent(username)]), decodeURIComponent(password)]];
  return Buffer.from([...auth, ['INFO']].map((words) => `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`).join(''));
}

/** Undefined while it is not whole. @throws what the server refuses with */
export function readInfo(heard: Buffer): ReadonlyMap<string, string> | undefined {
  const refused = /^-([^\r]*)\r\n/m.exec(heard.toString('latin1'))?.[1];
  if (refused !== undefined) throw new Error(refused);
  const header = /^\$(\d+)\r\n/m.exec(heard.toString('latin1'));
  if (!header) return undefined;
  const from = header.index + header[0].length;
  const length = Number(header[1]);
  if (heard.length < from + length + 2) return undefined;
  const lines = heard.toString('utf8', from, from + length).split('\r\n');
  return new Map(lines.flatMap((line) => (/^[a-z]/.test(line) ? [[line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const] : [])));
}

function judge(found: Findings, info: ReadonlyMap<string, string>, isTls: boolean): void {
  found.ok('version', `Redis ${info.get('redis_version') ?? 'of an unknown version'}, ${isTls ? 'over TLS' : 'without TLS'}`);
  if (info.get('loading') === '1') found.warn('state', 'it is still loading its data', 'wait until it has');
  if (info.get('role') === 'slave') found.wrong('role', 'it is a replica, which takes no writes', 'give the address of the primary');
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  if (info.get('maxmemory') !== '0' && policy !== 'noeviction') found.wrong('maxmemory-policy', policy, 'set maxmemory-policy noeviction: a count that is thrown away is a limit that does not hold');
  else found.ok('maxmemory-policy', policy);
  if (info.get('aof_enabled') !== '1') found.warn('durability', 'no append-only file: a restart forgets every count', 'set appendonly yes');
}
