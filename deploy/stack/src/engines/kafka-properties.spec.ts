import { describe, expect, it } from '@jest/globals';
import { portsAt } from '../ports.ts';
import { kafkaProperties, propertiesText } from './kafka-properties.ts';

describe('the settings of a broker', () => {
  it('keep every write on two of three brokers, and let one of them fall', () => {
    expect(kafkaProperties(2, 3, portsAt(100), '/d')).toMatchObject({
      'node.id': '2',
      'advertised.listeners': 'PLAINTEXT://127.0.0.1:19194',
      'controller.quorum.voters': '1@127.0.0.1:19193,2@127.0.0.1:19195,3@127.0.0.1:19197',
      'default.replication.factor': '3',
      'min.insync.replicas': '2',
      'transaction.state.log.min.isr': '2',
      'offsets.topic.replication.factor': '3',
    });
  });

  it('ask of one broker nothing that needs another', () => {
    const small = kafkaProperties(1, 1, portsAt(0), '/d');
    expect(small['controller.quorum.voters']).toBe('1@127.0.0.1:19093');
    expect(Object.entries(small).filter(([name]) => /replication\.factor|isr|replicas$/.test(name)).map(([, value]) => value)).toEqual(Array.from({ length: 7 }, () => '1'));
  });

  it('are written as Java reads them', () => {
    expect(propertiesText({ 'log.dirs': '/dä\\ta' })).toBe('log.dirs=/d\\u00e4\\\\ta\n');
  });
});
