import { join, resolve } from 'node:path';

/** Where each thing lies in the data folder of a stack; the only place that names them. */
export interface StackFolder {
  readonly root: string;
  /** Held by the command that is at work on the folder. */
  readonly lock: string;
  /** What was decided when the folder was made: brokers, ports, passwords. */
  readonly choices: string;
  /** Every engine's address and process; there only while the stack runs. */
  readonly stackFile: string;
  readonly logs: string;
  /** Model repository of Triton where no other is given. */
  readonly models: string;
  /** For Docker: what the containers are started from. */
  readonly composeFile: string;
  /** Folder of one engine's data and settings. */
  engine(name: string): string;
  /** Held by the engine's server. */
  lockOf(name: string): string;
  logOf(name: string): string;
}

export function stackFolder(path: string): StackFolder {
  const root = resolve(path);
  return {
    root,
    lock: join(root, 'lock'),
    choices: join(root, 'choices.json'),
    stackFile: join(root, 'stack.json'),
    logs: join(root, 'logs'),
    models: join(root, 'triton', 'models'),
    composeFile: join(root, 'compose.yaml'),
    engine: (name) => join(root, name),
    lockOf: (name) => join(root, name, 'server.lock'),
    logOf: (name) => join(root, 'logs', `${name}.log`),
  };
}
