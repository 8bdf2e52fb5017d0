import kafkajs from 'kafkajs';
import type { Logger } from '@sluice/telemetry';
import { createKafka, rootOf, type KafkaServers } from './kafka-client.ts';

const ONCE = { retries: 0 };
const BROKER_RESOURCE = kafkajs.ConfigResourceTypes.BROKER;

/** What a cluster says of itself. */
export interface ClusterFacts {
  readonly clusterId: string;
  readonly brokers: readonly { readonly id: number; readonly address: string }[];
  /** Settings of the first of the brokers, of those that were asked for, at the address where clients are told to find it; an error where it is not to be found there. */
  readonly settings: ReadonlyMap<string, string> | Error;
}

/** Asks the brokers that are given, once, with their TLS and SASL. @throws what the driver says when none of them answers */
export async function clusterFacts(servers: KafkaServers, settings: readonly string[], logger: Logger): Promise<ClusterFacts> {
  const { driver, end } = (await createKafka(servers, 'sluice-doctor', logger, ONCE)).open();
  const admin = driver.admin({ retry: ONCE });
  try {
    await admin.connect();
    const { clusterId, brokers } = await admin.describeCluster();
    const places = brokers.map(({ nodeId, host, port }) => ({ id: nodeId, address: `${host}:${port}` })).toSorted((a, b) => a.id - b.id);
    const asked = admin.describeConfigs({ includeSynonyms: false, resources: [{ type: BROKER_RESOURCE, name: String(places[0]!.id), configNames: [...settings] }] });
    const found = await asked.then(
      ({ resources }) => new Map(resources.flatMap(({ configEntries }) => configEntries.map(({ configName, configValue }) => [configName, configValue] as const))),
      reasonOf,
    );
    return { clusterId, brokers: places, settings: found };
  } catch (thrown) {
    throw reasonOf(thrown);
  } finally {
    await end(admin.disconnect());
  }
}

function reasonOf(thrown: unknown): Error {
  return thrown instanceof Error ? rootOf(thrown) : new Error('not an error was thrown');
}
