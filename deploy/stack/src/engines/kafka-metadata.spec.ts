import { describe, expect, it } from '@jest/globals';
import { metadataRequest, readMetadata } from './kafka-metadata.ts';

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const text = (value: string | null): Buffer => {
  const bytes = Buffer.from(value ?? '');
  const length = Buffer.alloc(2);
  length.writeInt16BE(value === null ? -1 : bytes.length);
  return Buffer.concat([length, bytes]);
};

function answer(correlation = 7): Buffer {
  const broker = (id: number): Buffer => Buffer.concat([int32(id), text('127.0.0.1'), int32(19_092), text(null)]);
  const body = Buffer.concat([int32(correlation), int32(2), broker(3), broker(1), text('cluster'), int32(3), int32(0)]);
  return Buffer.concat([int32(body.length), body]);
}

describe('a question for Kafka', () => {
  it('is framed by its length', () => {
    expect(metadataRequest().readInt32BE(0)).toBe(metadataRequest().length - 4);
  });

  it('waits for the whole answer, wherever it is split', () => {
    const whole = answer();
    for (let at = 0; at < whole.length; at++) expect(readMetadata(whole.subarray(0, at))).toBeUndefined();
    expect(readMetadata(whole)).toEqual({ id: 'cluster', brokers: [1, 3] });
  });

  it('takes no answer to another question', () => {
    expect(() => readMetadata(answer(8))).toThrow('another question');
  });
});
