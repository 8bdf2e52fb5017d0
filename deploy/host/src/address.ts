import { z } from 'zod';

const MAX_PORT = 65_535;
const ADDRESS = /^(?:\[(?<bracketed>[0-9a-f:.]+)\]|(?<plain>[^:[\]/,\s]+)):(?<port>\d{1,5})$/i;

/** `host:port`, an address of IPv6 in brackets. */
export function parseAddress(address: string): { host: string; port: number } | undefined {
  const groups = ADDRESS.exec(address)?.groups;
  const [host, port] = [groups?.['bracketed'] ?? groups?.['plain'], Number(groups?.['port'])];
  return host === undefined || port > MAX_PORT ? undefined : { host, port };
}

/** True for an address of this machine, and for what is no address. */
export function isLoopback(address: string): boolean {
  const host = parseAddress(address)?.host;
  return host === undefined || isLoopbackHost(host);
}

/** Of an address of IPv6 without brackets. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** A setting with commas between its values. */
export const list = z.string().transform((text) => text.split(',').map((one) => one.trim()));
