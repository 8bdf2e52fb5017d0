import { askPort } from './tcp-question.ts';

/** What a broker knows of its cluster. */
export interface KafkaCluster {
  /** Ids of the brokers that are up. */
  readonly brokers: readonly number[];
  /** Names the cluster beyond its addresses. */
  readonly id: string;
}

const METADATA_KEY = 3;
const METADATA_VERSION = 2;
const CORRELATION = 7;
const SIZE_BYTES = 4;

/**
 * Asks a broker for its cluster, by the request that every client begins with (Kafka protocol guide, "Metadata",
 * version 2, for no topic).
 */
export async function askKafka(port: number, signal: AbortSignal): Promise<KafkaCluster> {
  return askPort(port, metadataRequest(), readMetadata, signal);
}

export function metadataRequest(): Buffer {
  const request = Buffer.alloc(SIZE_BYTES + 14);
  request.writeInt32BE(request.length - SIZE_BYTES, 0);
  request.writeInt16BE(METADATA_KEY, 4);
  request.writeInt16BE(METADATA_VERSION, 6);
  request.writeInt32BE(CORRELATION, 8);
  // No name of the client, and an empty list of topics.
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return request;
}

/** Undefined while the answer is not whole. @throws when it is no answer to the question */
export function readMetadata(heard: Buffer): KafkaCluster | undefined {
  if (heard.length < SIZE_BYTES || heard.length < SIZE_BYTES + heard.readInt32BE(0)) return undefined;
  let at = SIZE_BYTES;
  const int32 = (): number => heard.readInt32BE((at += 4) - 4);
  const text = (): string => {
    const length = Math.max(0, heard.readInt16BE(at));
    at += 2 + length;
    return heard.toString('utf8', at - length, at);
  };
  if (int32() !== CORRELATION) throw new Error('the answer belongs to another question');
  const brokers: number[] = [];
  for (let left = int32(); left > 0; left--) {
    brokers.push(int32());
    // Its host, its port and its rack.
    text();
    int32();
    text();
  }
  return { id: text(), brokers: brokers.toSorted((a, b) => a - b) };
}
