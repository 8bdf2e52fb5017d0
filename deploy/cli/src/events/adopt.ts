import { resolve } from 'node:path';
import { processEnvironment } from '@sluice/config';
import { ServiceError } from '@sluice/errors';
import { systemClock, systemIds } from '@sluice/clock';
import { adoptCluster, type Adoption, type KafkaServers } from '@sluice/events/kafka';
import { hostConfig, readKafkaServers } from '@sluice/host';
import { silentLogger } from '@sluice/telemetry';
import { CommandFailed, WrongUse } from '../exit-code.ts';
import { stackAddresses } from '../mesh/stack-addresses.ts';

interface Pair {
  readonly databaseUrl: string;
  readonly kafka: KafkaServers;
}

/** The pair that is to belong together: of the stack that was named, else of the settings. Throws a WrongUse that says what is missing. */
export async function pairOf(stack: string | undefined): Promise<Pair> {
  if (stack !== undefined) {
    const { databaseUrl, kafkaBrokers, kafkaReplicas } = await stackAddresses(resolve(stack));
    return { databaseUrl, kafka: { brokers: kafkaBrokers.split(','), replicas: kafkaReplicas } };
  }
  const { databaseUrl } = hostConfig();
  const kafka = readKafkaServers(processEnvironment);
  if (databaseUrl === undefined || kafka === undefined) throw new WrongUse('Name the two that are to belong together: DATABASE_URL and KAFKA_BROKERS, as the processes of the mesh have them, or the stack of a mesh with --stack.');
  return { databaseUrl, kafka };
}

/** Ties the two together. Throws a CommandFailed that says what does not answer. */
export async function adopt({ databaseUrl, kafka }: Pair): Promise<Adoption> {
  try {
    return await adoptCluster({ ...kafka, clientId: 'sluice-adopt', database: { url: databaseUrl }, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger });
  } catch (failure) {
    throw failure instanceof ServiceError ? new CommandFailed(failure.message, { cause: failure }) : failure;
  }
}

export function adoptionAnswer({ clusterId, generation, before, raised, missed, segmentsAnew }: Adoption): object {
  return {
    object: 'adoption', cluster: clusterId, before: before ?? null, generation,
    raised: raised.map(({ topic, from, to }) => ({ topic, from_position: from.toString(), to_position: to.toString() })),
    missed: missed.map(({ consumer, topic, records }) => ({ consumer, topic, records: records.toString() })),
    calls_read_anew_by: segmentsAnew,
  };
}

export function adoptionText({ clusterId, generation, before, raised, missed, segmentsAnew }: Adoption): string {
  return [
    `The database belongs to the Kafka cluster ${clusterId} now${before === undefined || before === clusterId ? '' : `, and to ${before} no more`} (generation ${generation}).`,
    ...raised.map(({ topic, from, to }) => `${topic}: Kafka has records up to position ${to}, the database had published ${from}. Consumers handle those they have not handled; the next one is ${to + 1n}.`),
    ...missed.map(({ consumer, topic, records }) => `${consumer} never sees ${records} records of ${topic}: they are on no cluster any more.`),
    ...segmentsAnew.map((consumer) => `${consumer} reads calls from the oldest record of this cluster on. What it had not read of the one before is lost to it.`),
    'Start the processes of the platform now.',
  ].join('\n');
}
