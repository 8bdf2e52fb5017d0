import { isIPv4, isIPv6 } from 'node:net';

/**
 * The addresses of a service as grpc-js names a target: a list of IP addresses of one family, or one host name whose
 * every address is an instance (a headless service of Kubernetes, a scaled service of Compose).
 */
export function targetOf(addresses: readonly string[]): string {
  const hosts = addresses.map((address) => parseAddress(address).host);
  if (hosts.length > 0 && hosts.every((host) => isIPv4(host))) return `ipv4:${addresses.join(',')}`;
  if (hosts.length > 0 && hosts.every((host) => isIPv6(host))) return `ipv6:${addresses.join(',')}`;
  if (hosts.length === 1) return `dns:///${addresses[0]}`;
  throw new Error(`The addresses "${addresses.join(',')}" are neither IP addresses of one family nor one host name.`);
}

/** `host:port` or `[host]:port`. */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[(?<bracketed>[0-9a-f:.]+)\]|(?<plain>[^:[\]/,\s]+)):(?<port>\d{1,5})$/i.exec(address);
  const host = match?.groups?.['bracketed'] ?? match?.groups?.['plain'];
  const port = Number(match?.groups?.['port']);
  if (host === undefined || port > 65_535) throw new Error(`"${address}" is no address: host:port is.`);
  return { host, port };
}
