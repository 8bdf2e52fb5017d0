import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rewriteBrokers } from './kafka-addresses.ts';

const BROKERS = [{ host: '127.0.0.1', port: 19092, proxyPort: 40001 }, { host: '127.0.0.1', port: 19094, proxyPort: 40002 }];

function place(port: number): Buffer {
  const bytes = Buffer.from('\0\x09127.0.0.1\0\0\0\0', 'latin1');
  bytes.writeInt32BE(port, bytes.length - 4);
  return bytes;
}

function framed(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

describe('the addresses of brokers in their answers', () => {
  it('become those of their proxies, however the answers are cut, and nothing else changes', () => {
    const other = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)).filter((bytes) => !bytes.includes('127.0.0.1'));
    fc.assert(fc.property(fc.array(fc.tuple(other, fc.constantFrom(19092, 19094, 19096), other), { minLength: 1, maxLength: 6 }), fc.array(fc.nat(300), { maxLength: 10 }), (answers, cuts) => {
      const proxied = (port: number): number => BROKERS.find((broker) => broker.port === port)?.proxyPort ?? port;
      const sent = Buffer.concat(answers.map(([before, port, after]) => framed(before, place(port), after)));
      const wanted = Buffer.concat(answers.map(([before, port, after]) => framed(before, place(proxied(port)), after)));
      const rewrite = rewriteBrokers(BROKERS);
      const edges = [0, ...cuts.map((cut) => Math.min(cut, sent.length)).toSorted((a, b) => a - b), sent.length];
      const heard = Buffer.concat(edges.slice(1).map((end, index) => rewrite(sent.subarray(edges[index], end))));
      expect(heard.equals(wanted)).toBe(true);
    }));
  });

  it('are sent on as soon as an answer is whole', () => {
    const rewrite = rewriteBrokers(BROKERS);
    const answer = framed(Buffer.from('\0\x09', 'latin1'));
    expect(rewrite(answer.subarray(0, 5))).toHaveLength(0);
    expect(rewrite(answer.subarray(5)).equals(answer)).toBe(true);
  });
});
