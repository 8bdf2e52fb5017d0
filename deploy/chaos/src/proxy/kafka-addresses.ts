/** A broker and the proxy before it, which has the same host. */
export interface Broker {
  readonly host: string;
  readonly port: number;
  readonly proxyPort: number;
}

const SIZE_BYTES = 4;

/**
 * Brokers tell their clients where each broker is (Kafka protocol guide, "Metadata" and "FindCoordinator": the host as a
 * string with its length in two bytes, the port in four). Gives what puts the ports of proxies there, for the answers
 * of one connection: each is sent on when it is whole, and is as long as it was.
 */
export function rewriteBrokers(brokers: readonly Broker[]): (bytes: Buffer) => Buffer {
  const changes = brokers.map(({ host, port, proxyPort }) => ({ from: placeOf(host, port), to: placeOf(host, proxyPort) }));
  let kept: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const all = kept.length === 0 ? Buffer.from(bytes) : Buffer.concat([kept, bytes]);
    const end = endOfWhole(all);
    kept = all.subarray(end);
    const answers = all.subarray(0, end);
    for (const { from, to } of changes) {
      for (let at = answers.indexOf(from); at !== -1; at = answers.indexOf(from, at + to.length)) to.copy(answers, at);
    }
    return answers;
  };
}

function endOfWhole(bytes: Buffer): number {
  let end = 0;
  while (end + SIZE_BYTES <= bytes.length && end + SIZE_BYTES + bytes.readInt32BE(end) <= bytes.length) end += SIZE_BYTES + bytes.readInt32BE(end);
  return end;
}

function placeOf(host: string, port: number): Buffer {
  const place = Buffer.alloc(2 + host.length + 4);
  place.writeInt16BE(host.length);
  place.write(host, 2, 'latin1');
  place.writeInt32BE(port, 2 + host.length);
  return place;
}
