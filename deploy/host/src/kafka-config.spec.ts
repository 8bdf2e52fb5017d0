import { describe, expect, it } from '@jest/globals';
import { readConfig } from '@sluice/config';
import { kafkaNeeds, kafkaServersIn, kafkaShape, readKafkaServers } from './kafka-config.ts';

const servers = (environment: Record<string, string>) => kafkaServersIn(readConfig(kafkaShape, environment));
const NEAR = { KAFKA_BROKERS: '127.0.0.1:9092, [::1]:9092' };
const FAR = { KAFKA_BROKERS: '127.0.0.1:9092,kafka-2:9092' };
const SHOWN = { KAFKA_TLS_CERTIFICATE_FILE: 'own.pem', KAFKA_TLS_KEY_FILE: 'own.key' };
const needed = (environment: Record<string, string>): string[] => [...kafkaNeeds(environment).keys()].filter((name) => !(name in environment)).toSorted();

describe('the settings of Kafka', () => {
  it('are the cluster: three replicas and plain text unless told otherwise', () => {
    expect(servers({})).toBeUndefined();
    expect(servers(NEAR)).toEqual({ brokers: ['127.0.0.1:9092', '[::1]:9092'], replicas: 3 });
    expect(servers({ ...FAR, ...SHOWN, KAFKA_REPLICAS: '1', KAFKA_TLS_CA_FILE: 'ca.pem', KAFKA_SASL_USERNAME: 'audit', KAFKA_SASL_PASSWORD: 'hidden' })).toEqual({
      brokers: ['127.0.0.1:9092', 'kafka-2:9092'], replicas: 1, tls: { caFile: 'ca.pem', certificateFile: 'own.pem', keyFile: 'own.key' }, sasl: { username: 'audit', password: 'hidden' },
    });
  });

  it('want TLS to every broker that is not on this machine, unless somebody insists', () => {
    expect(needed(NEAR)).toEqual([]);
    expect(needed(FAR)).toEqual(['KAFKA_TLS_CA_FILE']);
    expect(needed({ ...FAR, KAFKA_SASL_USERNAME: 'audit', KAFKA_SASL_PASSWORD: 'hidden' })).toEqual(['KAFKA_TLS_CA_FILE']);
    expect(needed({ ...FAR, KAFKA_TLS_CA_FILE: 'ca.pem' })).toEqual([]);
    expect(needed({ ...FAR, KAFKA_PLAINTEXT: 'true' })).toEqual([]);
    expect(kafkaNeeds(FAR).get('KAFKA_TLS_CA_FILE')).toContain('KAFKA_PLAINTEXT=true');
  });

  it('are read by who is no process of the mesh, with the same needs', () => {
    expect(readKafkaServers({})).toBeUndefined();
    expect(readKafkaServers({ ...FAR, KAFKA_PLAINTEXT: 'true' })).toEqual({ brokers: ['127.0.0.1:9092', 'kafka-2:9092'], replicas: 3 });
    expect(() => readKafkaServers({ ...FAR, KAFKA_SASL_USERNAME: 'audit' })).toThrow(/KAFKA_TLS_CA_FILE[^]*KAFKA_SASL_PASSWORD/);
  });

  it('want what belongs together', () => {
    expect(needed({ ...NEAR, KAFKA_TLS_KEY_FILE: 'own.key' })).toEqual(['KAFKA_TLS_CA_FILE', 'KAFKA_TLS_CERTIFICATE_FILE']);
    expect(needed({ ...NEAR, KAFKA_SASL_PASSWORD: 'hidden' })).toEqual(['KAFKA_SASL_USERNAME']);
    expect(() => servers({ KAFKA_REPLICAS: '2' })).toThrow('KAFKA_REPLICAS: must be one of 1, 3');
  });
});
