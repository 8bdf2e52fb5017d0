import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Say } from '../engines/engine.ts';
import { JAVA_MAJOR, KAFKA_JARS, MAVEN_COPY } from '../pins.ts';
import { askTool, runTool } from '../processes/run-tool.ts';
import { whileTelling } from '../processes/while-telling.ts';
import { MissingTool } from '../stack-error.ts';
import { checkDigest } from './digest.ts';
import { keptPackage } from './kept-package.ts';

export interface KafkaPackage {
  readonly java: string;
  /** Folder of the jars. */
  readonly jars: string;
}

/** Maven says `Downloaded from ...: .../kafka-clients-4.4.0.jar (10 MB at 5 MB/s)`. */
const BROUGHT = /\/([^/ ]+\.jar)(?: |$)/;
const JAR_STEP = 10;

/** Java, which must be there, and Kafka's jars, which Maven brings by the pinned list alone. */
export async function bringKafka(cache: string, say: Say, signal: AbortSignal, java = 'java'): Promise<KafkaPackage> {
  const major = javaMajor(await askTool([java, '-version']));
  if (major === undefined || major < JAVA_MAJOR) {
    throw new MissingTool(`Java ${JAVA_MAJOR} or newer${major === undefined ? '' : `; this is Java ${major}`}`, `Debian: apt-get install openjdk-${JAVA_MAJOR}-jre-headless`);
  }
  const jars = await keptPackage(cache, `kafka-${listDigest()}`, async (draft) => {
    if ((await askTool(['mvn', '--version'])) === undefined) throw new MissingTool('Maven, to bring the jars of Kafka', 'Debian: apt-get install maven');
    await fetchJars(draft, say, signal);
    await Promise.all(Object.entries(KAFKA_JARS).map(async ([name, sha256]) => checkDigest(join(draft, jarFile(name)), sha256)));
  });
  return { java, jars };
}

/** Of `openjdk version "17.0.15" 2025-04-15`; the old way of counting (1.8) is a 1. */
export function javaMajor(said: string | undefined): number | undefined {
  const found = /version "(\d+)/.exec(said ?? '');
  return found ? Number(found[1]) : undefined;
}

/** A list of its own kind of every jar: nothing that a jar asks for is brought beside it. */
export function pom(names: readonly string[]): string {
  const dependency = (name: string): string => {
    const [group, artifact, version] = name.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>`;
  };
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>sluice</groupId><artifactId>kafka-jars</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
${names.map(dependency).join('\n')}
</dependencies></project>
`;
}

async function fetchJars(folder: string, say: Say, signal: AbortSignal): Promise<void> {
  const names = Object.keys(KAFKA_JARS);
  const wanted = new Set(names.map(jarFile));
  say(`kafka: bringing ${names.length} jars (38 MB) with Maven`);
  await writeFile(join(folder, 'pom.xml'), pom(names));
  let brought = 0;
  const onLine = (line: string): void => {
    const file = line.includes('Downloaded') ? BROUGHT.exec(line)?.[1] : undefined;
    if (file === undefined || !wanted.delete(file)) return;
    brought++;
    if (brought % JAR_STEP === 0) say(`kafka: ${brought} of ${names.length} jars`);
  };
  const words = ['mvn', '--batch-mode', '--file', join(folder, 'pom.xml'), MAVEN_COPY, `-DoutputDirectory=${folder}`];
  await whileTelling(say, 'kafka: bringing jars', async () => runTool(words, { cwd: folder, signal, onLine }));
}

function jarFile(name: string): string {
  const [, artifact, version] = name.split(':');
  return `${artifact}-${version}.jar`;
}

/** Another list is another folder. */
function listDigest(): string {
  return createHash('sha256').update(JSON.stringify(KAFKA_JARS)).digest('hex').slice(0, 16);
}
