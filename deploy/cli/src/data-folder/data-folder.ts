import { join, resolve } from 'node:path';

/** Where each thing lies in the data folder; the only place that names them. */
export interface DataFolder {
  readonly root: string;
  /** Who uses the folder now: process id and start time. */
  readonly lock: string;
  /** Version of this layout. */
  readonly layout: string;
  /** First keys, mode 0600. */
  readonly credentials: string;
  /** Where the running platform listens; there only while it runs. */
  readonly running: string;
  readonly rootKey: string;
  readonly postgres: string;
  readonly models: string;
  /** Digests of weights that were read once, so that a start does not read them again. */
  readonly knownWeights: string;
  /** There once the demonstration model was offered; it is not brought again unasked. */
  readonly demoModel: string;
  readonly log: string;
  /** Of a mesh: the ports of its processes, and which processes run. */
  readonly mesh: string;
  /** Of a mesh: one log for each process. */
  readonly logs: string;
  /** Of a mesh: its authority, and a certificate for each process. */
  readonly certificates: string;
}

export function dataFolder(path: string): DataFolder {
  const root = resolve(path);
  return {
    root,
    lock: join(root, 'lock'),
    layout: join(root, 'layout.json'),
    credentials: join(root, 'credentials.json'),
    running: join(root, 'running.json'),
    rootKey: join(root, 'root.key'),
    postgres: join(root, 'postgres'),
    models: join(root, 'models'),
    knownWeights: join(root, 'known-weights.json'),
    demoModel: join(root, 'demo-model.json'),
    log: join(root, 'sluice.log'),
    mesh: join(root, 'mesh.json'),
    logs: join(root, 'logs'),
    certificates: join(root, 'certificates'),
  };
}
