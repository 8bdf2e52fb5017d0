import { EventEmitter } from 'node:events';
import { expect, it } from '@jest/globals';
import type { Kafka, Producer } from 'kafkajs';
import { AckedProducer } from './acked-producer.ts';

const REQUEST_TIMEOUT = 'producer.network.request_timeout';

it('makes its connections anew as soon as one request has had no answer: the driver would send the next one the same way', async () => {
  const heard = new EventEmitter();
  const producer = {
    events: { REQUEST_TIMEOUT }, on: (event: string, listener: () => void) => heard.on(event, listener), connect: async () => undefined, disconnect: async () => undefined,
  } as unknown as Producer;
  const asked: string[] = [];
  const open = () => ({ driver: { producer: () => producer } as unknown as Kafka, end: async () => void asked.push('end'), renew: () => void asked.push('renew') });
  const acked = await AckedProducer.connect({ groupRefusals: 0, isClosed: false, open, close: () => undefined });
  expect(asked).toEqual([]);
  heard.emit(REQUEST_TIMEOUT);
  expect(asked).toEqual(['renew']);
  await acked.stop();
  expect(asked).toEqual(['renew', 'end']);
});
