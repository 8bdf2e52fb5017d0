import { ConfigError, type Environment } from '@sluice/config';
import type { KafkaServers } from '@sluice/events/kafka';
import type { ClusterFacts } from '@sluice/events/kafka-cluster';
import { readKafkaServers } from '@sluice/host';
import { silentLogger } from '@sluice/telemetry';
import { Findings, reasonOf, type Finding } from './finding.ts';

const MEND_ADDRESS = 'start the broker, or correct KAFKA_BROKERS, and KAFKA_TLS_* and KAFKA_SASL_* where the cluster wants them';
const ASKED = ['min.insync.replicas', 'default.replication.factor', 'auto.create.topics.enable', 'unclean.leader.election.enable'];

/** Every broker that is named, each by itself, and what the first that answers says of the cluster. */
export async function lookAtKafka(environment: Environment): Promise<readonly Finding[]> {
  const found = new Findings('kafka');
  const servers = serversIn(environment, found);
  if (servers === undefined) return found.all;
  const { clusterFacts } = await import('@sluice/events/kafka-cluster');
  const asked = await Promise.allSettled(servers.brokers.map(async (broker) => clusterFacts({ ...servers, brokers: [broker] }, ASKED, silentLogger)));
  for (const [at, answer] of asked.entries()) {
    const name = servers.brokers[at]!;
    if (answer.status === 'fulfilled') found.ok(name, `answers; its cluster has ${answer.value.brokers.length}`);
    else found.wrong(name, reasonOf(answer.reason), MEND_ADDRESS);
  }
  const clusters = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  if (new Set(clusters.map(({ clusterId }) => clusterId)).size > 1) found.wrong('cluster', 'the brokers belong to different clusters', 'name brokers of one cluster in KAFKA_BROKERS');
  if (clusters[0]) judge(found, clusters[0]);
  return found.all;
}

/** Undefined where none are named, or what is said of them cannot be. */
function serversIn(environment: Environment, found: Findings): KafkaServers | undefined {
  try {
    return readKafkaServers(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) {
      const [name = '', ...rest] = fault.split(': ');
      found.wrong(name, rest.join(': '), 'docs/settings.md describes it');
    }
    return undefined;
  }
}

/** How a cluster says that it keeps what it acknowledged. */
export function judge(found: Findings, { brokers, settings }: Pick<ClusterFacts, 'brokers' | 'settings'>): void {
  if (brokers.length === 1) found.warn('brokers', 'one: what it holds is lost with it, and nothing can be recorded while it is away', 'run three, on three machines (docs/operate.md)');
  const [first] = brokers;
  if (settings instanceof Error) {
    found.wrong('advertised address', `broker ${first!.id} is to be found at ${first!.address}: ${reasonOf(settings)}`, 'set advertised.listeners of the broker to an address that this machine reaches, or let this client read its settings');
    return;
  }
  const number = (name: string): number => Number(settings.get(name) ?? 1);
  const [inSync, factor] = [number('min.insync.replicas'), number('default.replication.factor')];
  const says = `default.replication.factor=${factor}, min.insync.replicas=${inSync}`;
  if (brokers.length < 3) found.ok('replication', says);
  else if (inSync < 2 || factor < 3) found.wrong('replication', says, 'set default.replication.factor=3 and min.insync.replicas=2: else an acknowledged record can be lost with one broker');
  else if (inSync >= factor) found.warn('replication', says, 'set min.insync.replicas below the replication factor: else nothing can be recorded while one broker is away');
  else found.ok('replication', says);
  if (settings.get('auto.create.topics.enable') === 'true') found.warn('auto.create.topics.enable', 'true', 'set it to false: a topic of a mistyped name would be made, with settings that nobody chose');
  if (settings.get('unclean.leader.election.enable') === 'true') found.wrong('unclean.leader.election.enable', 'true', 'set it to false: a broker that is behind could become the leader, and acknowledged records be lost');
}
