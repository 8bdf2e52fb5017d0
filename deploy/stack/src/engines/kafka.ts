import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { StackFolder } from '../folder/stack-folder.ts';
import type { KafkaPackage } from '../packages/kafka-jars.ts';
import { HOST, type Ports } from '../ports.ts';
import type { EngineCommand } from '../processes/engine-process.ts';
import { runTool } from '../processes/run-tool.ts';
import type { Engine, Say } from './engine.ts';
import { askKafka } from './kafka-metadata.ts';
import { heapOptions, kafkaProperties, LOG_SETTINGS, PERFORMANCE_OPTIONS, propertiesText } from './kafka-properties.ts';

export interface KafkaOptions {
  readonly folder: StackFolder;
  readonly ports: Ports;
  readonly brokers: number;
  readonly clusterId: string;
  /** The same for all brokers: it works once. */
  readonly bring: (say: Say, signal: AbortSignal) => Promise<KafkaPackage>;
}

/** SIGTERM hands the leadership of partitions over first. */
const STOP_PATIENCE_MS = 20_000;

/** One broker of the cluster; `node` counts from 1. */
export function kafka(node: number, options: KafkaOptions): Engine {
  const name = `kafka-${node}`;
  const home = options.folder.engine(name);
  const settings = join(home, 'server.properties');
  const port = options.ports.kafka[node - 1]!;
  return {
    name,
    address: `${HOST}:${port}`,
    mark: { program: 'java', path: settings },
    stop: { signal: 'SIGTERM', patienceMs: STOP_PATIENCE_MS },
    prepare: async (say, signal) => prepare(node, { home, settings, options, say, signal }),
    async ask(signal) {
      const { id, brokers } = await askKafka(port, signal);
      if (id !== options.clusterId) throw new Error('a broker of another cluster answers on its port');
      if (!brokers.includes(node)) throw new Error('it has not joined its cluster');
      return `${brokers.length} of ${options.brokers} brokers`;
    },
  };
}

interface Preparation {
  readonly home: string;
  readonly settings: string;
  readonly options: KafkaOptions;
  readonly say: Say;
  readonly signal: AbortSignal;
}

async function prepare(node: number, { home, settings, options, say, signal }: Preparation): Promise<EngineCommand> {
  const { java, jars } = await options.bring(say, signal);
  await mkdir(home, { recursive: true, mode: 0o700 });
  const data = join(home, 'data');
  const logSettings = join(home, 'log4j2.properties');
  await writeFile(settings, propertiesText(kafkaProperties(node, options.brokers, options.ports, data)), { mode: 0o600 });
  await writeFile(logSettings, LOG_SETTINGS, { mode: 0o600 });
  const classPath = join(jars, '*');
  if (!existsSync(data)) await format(node, { home, settings, options, say, signal }, [java, '-Xmx64m', '-cp', classPath, 'kafka.tools.StorageTool']);
  const words = [java, ...heapOptions(options.brokers), ...PERFORMANCE_OPTIONS, `-Dlog4j2.configurationFile=${pathToFileURL(logSettings).href}`, '-cp', classPath, 'kafka.Kafka', settings];
  return { words, env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8' }, cwd: home };
}

/** Under another name first, so that a folder that was not formatted to its end is never taken for one that was. */
async function format(node: number, { home, options, say, signal }: Preparation, storageTool: readonly string[]): Promise<void> {
  say(`kafka-${node}: making its log folder`);
  const draft = join(home, 'data.new');
  const draftSettings = join(home, 'format.properties');
  await rm(draft, { recursive: true, force: true });
  await writeFile(draftSettings, propertiesText(kafkaProperties(node, options.brokers, options.ports, draft)), { mode: 0o600 });
  await runTool([...storageTool, 'format', `--cluster-id=${options.clusterId}`, '-c', draftSettings], { signal });
  await rm(draftSettings);
  await rename(draft, join(home, 'data'));
}
