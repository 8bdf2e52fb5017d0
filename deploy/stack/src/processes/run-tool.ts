import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { StackError } from '../stack-error.ts';

export interface ToolOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Each line of its output, while it works. */
  readonly onLine?: (line: string) => void;
}

/** The longest that one tool may take: a slow line brings 60 MB in this time. */
const DEADLINE_MS = 30 * 60_000;
const TAIL_LINES = 12;

/** Runs a program to its end and returns all that it printed. @throws StackError with the end of that when it fails */
export async function runTool([file, ...args]: readonly string[], { cwd, env, signal, onLine }: ToolOptions = {}): Promise<string> {
  signal?.throwIfAborted();
  // Not by the option `timeout` of `spawn`: its timer outlives a program that was not found.
  const ending = AbortSignal.any([...(signal ? [signal] : []), AbortSignal.timeout(DEADLINE_MS)]);
  // In a group of its own: Ctrl-C reaches this process alone, which then ends the tool and clears up after it.
  const child = spawn(file!, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...(cwd !== undefined && { cwd }), ...(env && { env }), signal: ending });
  const lines: string[] = [];
  const hear = (line: string): void => {
    lines.push(line);
    onLine?.(line);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', hear);
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  signal?.throwIfAborted();
  if (code !== 0) throw new StackError(`${file} failed:\n${lines.slice(-TAIL_LINES).join('\n')}`);
  return lines.join('\n');
}

/** What a program says of itself, or undefined when it is not there or fails. */
export async function askTool(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<string | undefined> {
  return runTool(words, env ? { env } : {}).catch(() => undefined);
}
