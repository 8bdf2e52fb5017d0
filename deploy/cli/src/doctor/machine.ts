import { statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { stackTools } from '@sluice/stack';
import { Findings, type Finding } from './finding.ts';

/** The oldest Node that runs the sources as they are. */
const NODE = [24, 9] as const;
/** PostgreSQL, the services and a small model together. */
const MEMORY_BYTES = 2 * 2 ** 30;

const DOCKER = 'Docker';

/** Node, memory and packages. */
export function lookAtMachine(root: string): readonly Finding[] {
  const found = new Findings('machine');
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  if (isNew) found.ok('Node', `${process.versions.node} (${process.execPath})`);
  else found.wrong('Node', `${process.versions.node} is too old`, `install Node ${NODE.join('.')} or newer, or let the launcher bring it: run sluice by its script`);
  const [lock, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map((file) => statSync(`${root}${file}`, { throwIfNoEntry: false }));
  if (installed && (!lock || installed.mtimeMs >= lock.mtimeMs)) found.ok('packages', 'installed');
  else found.wrong('packages', installed ? 'older than the list of them' : 'not installed', 'run any command by the launcher, which installs them: ./sluice --version');
  const [cores, memory] = [availableParallelism(), totalmem()];
  if (memory >= MEMORY_BYTES) found.ok('memory', `${gibibytes(memory)} GiB, ${cores} cores`);
  else found.warn('memory', `${gibibytes(memory)} GiB`, `use a machine with ${gibibytes(MEMORY_BYTES)} GiB or more: the database, the services and a model share it`);
  if (process.getuid?.() === 0) found.warn('user', 'root', 'run it as a user of its own: what root runs, a fault in it may do as root');
  return found.all;
}

/** What `stack up` and the demonstration model need of this machine: Docker, or all of the others. */
export async function lookAtTools(): Promise<readonly Finding[]> {
  const found = new Findings('tools');
  const tools = await stackTools();
  const isComplete = tools.every(({ name, found: says }) => name === DOCKER || says !== undefined);
  for (const { name, found: says, neededFor, mend } of tools) {
    if (says !== undefined) found.ok(name, says);
    else if (name === DOCKER && isComplete) found.ok(name, 'not there, and not needed');
    else found.warn(name, `not there; needed for ${neededFor}`, mend);
  }
  return found.all;
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}
