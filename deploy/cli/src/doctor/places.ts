import type { Place } from '@sluice/stack';

const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/,\s]+)):(\d{1,5})$/i;
const MAX_PORT = 65_535;

/** `host:port` with commas between them, IPv6 in brackets; undefined where one of them is none. */
export function placesIn(list: string): readonly Place[] | undefined {
  const places = list.split(',').map((one): Place | undefined => {
    const [, bracketed, plain, port] = ADDRESS.exec(one.trim()) ?? [];
    const host = bracketed ?? plain;
    return host === undefined || Number(port) > MAX_PORT ? undefined : { host, port: Number(port) };
  });
  return places.every((place) => place !== undefined) ? places : undefined;
}
