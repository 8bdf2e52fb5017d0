import { join } from 'node:path';
import { systemClock } from '@sluice/clock';
import { processEnvironment } from '@sluice/config';
import { keepToldCertificates } from '../certs/told-certificates.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { identityOf } from '../data-folder/process-identity.ts';
import type { Settings } from '../up/all-settings.ts';
import { untilAborted } from '../terminal/until-aborted.ts';
import { doorsOf } from '../up/listeners.ts';
import { LogFile } from '../up/log-file.ts';
import { TerminalLog } from '../up/terminal-log.ts';
import type { Addresses, Listeners } from '../up/up-options.ts';
import { freePort } from './free-port.ts';
import { endLeftBehind } from './left-behind.ts';
import { MeshFile } from './mesh-file.ts';
import type { MeshProcess } from './mesh-processes.ts';
import { MESH_HOST, portNames, processEnvironmentOf, type MeshPlace } from './process-settings.ts';
import type { StackAddresses } from './stack-addresses.ts';
import { Supervisor } from './supervisor.ts';
import type { PidsFile } from './pids-file.ts';

/** Certificates live for months and are made anew when a third of that is left; processes take the new ones as they run. */
const CERTIFICATES_EVERY_MS = 12 * 3_600_000;
/** Beyond the drain of the calls: their last records, the connections of clients, and servers that do not answer. */
const STOP_MARGIN_MS = 30_000;
const NAMES = ['localhost', MESH_HOST];
const WARNING = /"level":"warn"/;

export interface OpenMesh {
  readonly processes: readonly MeshProcess[];
  readonly folder: DataFolder;
  readonly rootKeyFile: string;
  /** Data folder of the stack that has the servers. */
  readonly stackData: string;
  readonly servers: StackAddresses;
  readonly listen: Listeners;
  readonly settings: Pick<Settings, 'SLUICE_DRAIN_LIMIT_MS'>;
  readonly pidsFile: PidsFile;
  /** Takes what is to be undone at the end. */
  readonly stack: AsyncDisposableStack;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** Gives the processes of a mesh certificates, ports and logs. `start` starts them; they are stopped with the stack. */
export async function openMesh(options: OpenMesh): Promise<{ supervisor: Supervisor; start: () => Promise<Addresses> }> {
  const { processes, folder, stack, signal, say } = options;
  const file = new MeshFile(folder.mesh);
  await endLeftBehind(file.processes, say, signal);
  await certify(options);
  const renewal = systemClock.every(CERTIFICATES_EVERY_MS, () => void certify(options).catch((error: unknown) => say(`The certificates could not be renewed: ${error instanceof Error ? error.message : String(error)}`)));
  stack.defer(() => renewal.cancel());
  const place = await placeOf(options, file);
  const logs = new Map(processes.map(({ name }) => [name, new LogFile(join(folder.logs, `${name}.log`))]));
  stack.defer(() => logs.forEach((log) => log.close()));
  const terminal = new TerminalLog(process.stderr, systemClock);
  const supervisor = new Supervisor({
    processes,
    pidsFile: options.pidsFile,
    onUnwritten: (error) => say(`What was started could not be written down: ${error.message}`),
    of: (one) => ({
      words: [process.execPath, ...process.execArgv, process.argv[1]!, 'serve', ...one.services, '--data', folder.root],
      environment: processEnvironmentOf(one, place, processEnvironment),
      patienceMs: options.settings.SLUICE_DRAIN_LIMIT_MS + STOP_MARGIN_MS,
      clock: systemClock,
      onLine(line, hasServed) {
        logs.get(one.name)!.write(`${line}\n`);
        // Lines that are no JSON are for people: what a process says when it cannot start, which is told with that.
        // Until it serves, what it warns of is mostly that the others do not serve yet either.
        if (line.startsWith('{') && (hasServed || !WARNING.test(line))) terminal.show(line, one.name);
      },
      onStarted: (pid) => file.keepProcess(one.name, identityOf(pid)),
      onDied: (how, restMs) => say(`${one.name} died (${how}) and is started again in ${restMs / 1000} s.`),
    }),
  });
  stack.defer(async () => supervisor.stop());
  return { supervisor, start: async () => untilAborted(supervisor.start(), signal) };
}

async function certify({ processes, folder }: OpenMesh): Promise<void> {
  await keepToldCertificates(folder.certificates, processes.map(({ name, services }) => ({ name, services, hosts: NAMES })));
}

async function placeOf(options: OpenMesh, file: MeshFile): Promise<MeshPlace> {
  const { processes, folder, rootKeyFile, stackData, servers, listen } = options;
  const taken = new Set(doorsOf(listen).map(({ port }) => port));
  const choose = async (host: string, wanted: number | undefined): Promise<number> => {
    const port = await freePort(host, wanted, taken);
    taken.add(port);
    return port;
  };
  const ports: Record<string, number> = {};
  for (const name of processes.flatMap(portNames)) ports[name] = await choose(MESH_HOST, file.port(name));
  file.keepPlace(stackData, ports);
  // Of a port that several share the system cannot choose one for each.
  const port = listen.port === 0 ? await choose(listen.host, undefined) : listen.port;
  const adminPort = listen.adminPort === 0 ? await choose(listen.adminHost, undefined) : listen.adminPort;
  const grpcPort = listen.grpcPort === 0 ? await choose(listen.host, undefined) : listen.grpcPort;
  return { processes, folder, rootKeyFile, stack: servers, listen: { ...listen, port, adminPort, grpcPort }, ports };
}
