import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '@sluice/config';
import { readRunning } from '../data-folder/credentials.ts';
import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { meshStackOf } from '../mesh/mesh-stack.ts';
import { adminApi } from '../platform-api/connection.ts';
import { readSettings, wantsNoColour, type CliSettings } from '../settings.ts';
import { EXIT } from '../exit-code.ts';
import { print, type ReadOptions } from '../commands/output.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { printableLine } from '../terminal/printable.ts';
import { certificatesIn, lookAtCertificates } from './certificates.ts';
import { lookAtDataFolder } from './data-folder.ts';
import { lookAtDatabase } from './database.ts';
import type { Finding, State } from './finding.ts';
import { lookAtKafka } from './kafka.ts';
import { lookAtMachine, lookAtTools } from './machine.ts';
import { lookAtMesh, serversOfMesh } from './mesh.ts';
import { lookAtPlatform } from './platform.ts';
import { lookAtPorts, lookAtServices } from './reachable.ts';
import { lookAtRedis } from './redis.ts';
import { lookAtSettings } from './settings.ts';
import { lookAtStack } from './stack.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** Looks at everything that the settings name, prints what it found, and ends with 1 when something is wrong. */
export async function doctor(options: ReadOptions): Promise<void> {
  const { findings: settingsFindings, settings } = lookAtSettings();
  const cli = cliSettings();
  const folder = dataFolder(options.data ?? cli.dataDir);
  const running = cli.url ?? runningAt(folder);
  const usualStack = `${folder.root}-stack`;
  const meshStack = meshStackAt(folder, usualStack);
  const servers = meshStack === undefined ? processEnvironment : await serversOfMesh(meshStack);
  const { DATABASE_URL, REDIS_URL } = set(servers);
  const { SLUICE_ROOT_KEY_FILE } = set(processEnvironment);
  const looks = await Promise.all([
    lookAtMachine(ROOT),
    settingsFindings,
    lookAtDataFolder(folder, SLUICE_ROOT_KEY_FILE),
    running === undefined && settings ? lookAtPorts(settings) : [],
    lookAtPlatform(running, () => adminApi(options)),
    meshStack === undefined || DATABASE_URL !== undefined ? lookAtDatabase(DATABASE_URL) : [],
    lookAtKafka(servers),
    lookAtRedis(REDIS_URL),
    lookAtServices(processEnvironment),
    lookAtCertificates([...certificateFiles(DATABASE_URL), ...certificatesIn(join(folder.root, 'certificates'))]),
    meshStack === undefined ? [] : lookAtMesh(folder, meshStack),
    lookAtStack(meshStack ?? usualStack, join(cli.cacheDir, 'stack')),
    lookAtTools(),
  ]);
  const findings = looks.flat();
  const isWrong = findings.some(({ state }) => state === 'wrong');
  print(options.json ? JSON.stringify({ object: 'doctor', ok: !isWrong, findings }, undefined, 2) : shown(findings));
  if (isWrong) process.exitCode = EXIT.failed;
}

/** Those of the command line, or what they are without the environment where that has a fault: then it is told, and the rest is looked at. */
function cliSettings(): CliSettings {
  try {
    return readSettings();
  } catch {
    const { HOME, SLUICE_DATA } = processEnvironment;
    return readSettings({ HOME, SLUICE_DATA });
  }
}

/** A damaged file is told among the findings of the folder. */
function runningAt(folder: DataFolder): string | undefined {
  try {
    return readRunning(folder)?.url;
  } catch {
    return undefined;
  }
}

/** The same for what a mesh remembers: its stack is then the usual one. */
function meshStackAt(folder: DataFolder, usual: string): string | undefined {
  try {
    return meshStackOf(folder, usual);
  } catch {
    return usual;
  }
}

/** An empty value counts as not set. */
function set(environment: typeof processEnvironment): typeof processEnvironment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
}

/** Of the settings, and the one that the address of the database names. */
function certificateFiles(databaseUrl = ''): string[] {
  const { SLUICE_TLS_CA_FILE, SLUICE_TLS_CERTIFICATE_FILE } = set(processEnvironment);
  const named = new URLSearchParams(databaseUrl.includes('?') ? databaseUrl.slice(databaseUrl.indexOf('?') + 1) : '').get('sslrootcert');
  return [SLUICE_TLS_CA_FILE, SLUICE_TLS_CERTIFICATE_FILE, named].filter((file) => file !== undefined && file !== null);
}

const MARKS: Readonly<Record<State, string>> = { ok: 'ok', warn: 'warn', wrong: 'WRONG' };
const COLOURS: Readonly<Record<State, string>> = { ok: '\x1b[32m', warn: '\x1b[33m', wrong: '\x1b[31m' };
const MARK_WIDTH = 5;

function shown(findings: readonly Finding[]): string {
  const isColoured = process.stdout.isTTY && !wantsNoColour();
  const mark = (state: State): string => (isColoured ? `${COLOURS[state]}${MARKS[state].padEnd(MARK_WIDTH)}\x1b[0m` : MARKS[state].padEnd(MARK_WIDTH));
  const areas = Map.groupBy(findings, ({ area }) => area);
  const lines = [...areas].flatMap(([area, found]) => [
    area,
    ...found.flatMap(({ name, state, says, mend }) => [`  ${mark(state)}  ${printableLine(name)}: ${printableLine(says)}`, ...(mend === undefined ? [] : [`         -> ${asTyped(printableLine(mend))}`])]),
  ]);
  const count = (state: State): number => findings.filter((finding) => finding.state === state).length;
  return [...lines, '', `${count('ok')} ok, ${count('warn')} to look at, ${count('wrong')} wrong.`].join('\n');
}
