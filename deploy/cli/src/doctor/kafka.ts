import { askKafkaSettings, askServer, metadataRequest, readMetadata, type KafkaCluster, type Place } from '@sluice/stack';
import { Findings, reasonOf, type Finding } from './finding.ts';
import { placesIn } from './places.ts';

const ANSWER_LIMIT_MS = 5_000;
const MEND_ADDRESS = 'start the broker, or correct KAFKA_BROKERS: host:port, with commas between them';
const ASKED = ['min.insync.replicas', 'default.replication.factor', 'auto.create.topics.enable', 'unclean.leader.election.enable'];

/** Every broker that is named, and what the first that answers says of the cluster. */
export async function lookAtKafka(brokers: string | undefined): Promise<readonly Finding[]> {
  if (brokers === undefined) return [];
  const found = new Findings('kafka');
  const places = placesIn(brokers);
  if (places === undefined) {
    found.wrong('KAFKA_BROKERS', 'is no list of addresses', 'give host:port, with commas between them');
    return found.all;
  }
  const asked = await Promise.allSettled(places.map(async (place) => askServer(place, { text: metadataRequest(), read: readMetadata }, AbortSignal.timeout(ANSWER_LIMIT_MS))));
  for (const [at, answer] of asked.entries()) {
    const name = `${places[at]!.host}:${places[at]!.port}`;
    if (answer.status === 'fulfilled') found.ok(name, `answers; ${answer.value.brokers.length} brokers in its cluster`);
    else found.wrong(name, reasonOf(answer.reason), MEND_ADDRESS);
  }
  const clusters = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  if (new Set(clusters.map(({ id }) => id)).size > 1) found.wrong('cluster', 'the brokers belong to different clusters', 'name brokers of one cluster in KAFKA_BROKERS');
  if (clusters[0]) await lookAtCluster(found, clusters[0]);
  return found.all;
}

async function lookAtCluster(found: Findings, { brokers, places }: KafkaCluster): Promise<void> {
  if (brokers.length === 1) found.warn('brokers', 'one: what it holds is lost with it, and nothing can be recorded while it is away', 'run three, on three machines (docs/operate.md)');
  // A broker tells its own settings alone, at the place where clients are told to find it.
  const [first] = places;
  if (!first) return;
  try {
    const place: Place = { host: first.host, port: first.port };
    judge(found, await askKafkaSettings(place, first.id, ASKED, AbortSignal.timeout(ANSWER_LIMIT_MS)), brokers.length);
  } catch (error) {
    found.wrong('advertised address', `broker ${first.id} is to be found at ${first.host}:${first.port}: ${reasonOf(error)}`, "set advertised.listeners of the broker to an address that this machine reaches, or let this client read its settings");
  }
}

function judge(found: Findings, settings: ReadonlyMap<string, string>, brokers: number): void {
  const number = (name: string): number => Number(settings.get(name) ?? 1);
  const [inSync, factor] = [number('min.insync.replicas'), number('default.replication.factor')];
  const says = `default.replication.factor=${factor}, min.insync.replicas=${inSync}`;
  if (brokers < 3) found.ok('replication', says);
  else if (inSync < 2 || factor < 3) found.wrong('replication', says, 'set default.replication.factor=3 and min.insync.replicas=2: else an acknowledged record can be lost with one broker');
  else if (inSync >= factor) found.warn('replication', says, 'set min.insync.replicas below the replication factor: else nothing can be recorded while one broker is away');
  else found.ok('replication', says);
  if (settings.get('auto.create.topics.enable') === 'true') found.warn('auto.create.topics.enable', 'true', 'set it to false: a topic of a mistyped name would be made, with settings that nobody chose');
  if (settings.get('unclean.leader.election.enable') === 'true') found.wrong('unclean.leader.election.enable', 'true', 'set it to false: a broker that is behind could become the leader, and acknowledged records be lost');
}
