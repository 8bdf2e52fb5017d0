import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from './private-file.ts';

const runningEngine = z.object({
  /** For clients; with its password where it has one. */
  address: z.string().min(1),
  /** Other addresses of the same engine, by what they are for. */
  also: z.record(z.string(), z.string()).optional(),
  /** Of the server itself. */
  pid: z.int().positive(),
  /** Names the process beyond the reuse of its number: pid, start time, boot. */
  started: z.string().min(1),
  log: z.string().min(1),
});

const stackFile = z.object({
  version: z.literal(1),
  /** How the engines run. */
  route: z.enum(['packages', 'docker']),
  small: z.boolean(),
  engines: z.record(z.string(), runningEngine),
});

/** `stack.json`: what programs read to find a running stack. Mode 0600, because addresses hold passwords. */
export type StackFile = z.infer<typeof stackFile>;
export type RunningEngine = z.infer<typeof runningEngine>;

export async function readStackFile(path: string): Promise<StackFile | undefined> {
  return readPrivateJson(path, stackFile, 'End the servers of this folder that still run, if any, and delete it: the next start writes it anew.');
}

export async function writeStackFile(path: string, file: StackFile): Promise<void> {
  await writePrivateJson(path, file);
}
