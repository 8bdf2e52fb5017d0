import { HOST, type Ports } from '../ports.ts';

export const BROKERS = 3;

/**
 * The settings of one broker, which is a controller too. The voters of the quorum are in the settings and not in the
 * metadata log, so that a stack can move to other ports. `node` counts from 1; `dataDir` is where it keeps its log.
 */
export function kafkaProperties(node: number, brokers: number, ports: Ports, dataDir: string): Readonly<Record<string, string>> {
  const [port, controller] = [ports.kafka[node - 1]!, ports.controllers[node - 1]!];
  return {
    'process.roles': 'broker,controller',
    'node.id': String(node),
    listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controller}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.quorum.voters': ports.controllers.slice(0, brokers).map((one, index) => `${index + 1}@${HOST}:${one}`).join(','),
    'log.dirs': dataDir,
    ...replication(brokers),
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.num.partitions': '2',
    'share.coordinator.state.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'log.cleaner.dedupe.buffer.size': '8388608',
    // A broker that was killed is given up, and its return accepted, within seconds.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '3000',
    'controller.quorum.election.timeout.ms': '1000',
    'controller.quorum.fetch.timeout.ms': '2000',
  };
}

/** Three brokers lose one without losing a write that was acknowledged, and go on writing. */
function replication(brokers: number): Readonly<Record<string, string>> {
  const [factor, inSync] = brokers === 1 ? ['1', '1'] : [String(brokers), String(brokers - 1)];
  return {
    'default.replication.factor': factor,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': factor,
    'transaction.state.log.replication.factor': factor,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': factor,
    'share.coordinator.state.topic.min.isr': inSync,
  };
}

/** How much memory the virtual machine of one broker takes for objects. */
export function heapOptions(brokers: number): string[] {
  return [`-Xmx${brokers === 1 ? 384 : 256}m`, '-Xms64m'];
}

/**
 * It compiles once and quickly: in the first minutes the optimising compiler takes as much CPU as all that the broker does, on the
 * cores that it shares with everything else here. For the same reason its collector has no threads of its own.
 */
export const PERFORMANCE_OPTIONS: readonly string[] = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/** As a file for Java's `Properties.load`, which reads Latin 1 and takes a backslash for an escape. */
export function propertiesText(properties: Readonly<Record<string, string>>): string {
  const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Object.entries(properties).map(([name, value]) => `${name}=${escaped(value)}\n`).join('');
}

/** Warnings, errors, and the line that says a broker has started: without a word on logging Kafka says nothing at all. */
export const LOG_SETTINGS = `status=warn
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
`;
