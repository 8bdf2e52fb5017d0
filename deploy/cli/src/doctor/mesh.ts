import type { Environment } from '@sluice/config';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { lockHolder } from '../data-folder/lock.ts';
import { CommandFailed } from '../exit-code.ts';
import { MeshFile } from '../mesh/mesh-file.ts';
import { MESH_HOST } from '../mesh/process-settings.ts';
import { stackAddresses } from '../mesh/stack-addresses.ts';
import { Findings, splitMend, type Finding } from './finding.ts';
import { askReadiness, saidOf, unreadReason } from './readiness.ts';

const HEALTH = / health$/;

/** The servers that the processes of a mesh are given, as settings; none while its stack is down. */
export async function serversOfMesh(stack: string): Promise<Environment> {
  try {
    const { databaseUrl, kafkaBrokers, kafkaReplicas, redisUrl } = await stackAddresses(stack);
    return { DATABASE_URL: databaseUrl, KAFKA_BROKERS: kafkaBrokers, KAFKA_REPLICAS: String(kafkaReplicas), REDIS_URL: redisUrl };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return {};
  }
}

/** The mesh of a data folder: the stack that it runs on, and what each of its processes says of itself. */
export async function lookAtMesh(folder: DataFolder, stack: string): Promise<readonly Finding[]> {
  const found = new Findings('mesh');
  const isRunning = lockHolder(folder.lock) !== undefined;
  try {
    await stackAddresses(stack);
    found.ok('stack', stack);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const [says, mend] = splitMend(error.message);
    if (isRunning) found.wrong('stack', says, mend);
    else found.warn('stack', says, mend);
  }
  if (!isRunning) return [...found.all];
  const processes = Object.entries(portsIn(folder)).filter(([name]) => HEALTH.test(name));
  const looks = await Promise.all(processes.map(async ([name, port]) => lookAtProcess(name.replace(HEALTH, ''), `http://${MESH_HOST}:${port}`, folder)));
  return [...found.all, ...looks.flat()];
}

/** A damaged file is told among the findings of the folder. */
function portsIn({ mesh }: DataFolder): MeshFile['ports'] {
  try {
    return new MeshFile(mesh).ports;
  } catch {
    return {};
  }
}

async function lookAtProcess(name: string, url: string, { logs }: DataFolder): Promise<readonly Finding[]> {
  const found = new Findings('mesh');
  const log = `see its log ${logs}/${name}.log`;
  try {
    const { status, checks } = await askReadiness(url);
    if (status === 'ok') found.ok(name, `${url}, ready`);
    for (const [part, said] of Object.entries(checks).filter(([, one]) => one.status !== 'ok')) {
      if (said.status === 'down') found.wrong(name, `${part}: ${saidOf(said)}`, log);
      else found.warn(name, `${part}: ${saidOf(said)}`, `it serves meanwhile; ${log} if it lasts`);
    }
    if (status !== 'ok' && found.all.length === 0) found.warn(name, `${url}: ${status}`, log);
  } catch (error) {
    found.wrong(name, `${url} does not answer (${unreadReason(error)})`, log);
  }
  return found.all;
}
