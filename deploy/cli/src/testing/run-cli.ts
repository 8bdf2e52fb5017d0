import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '@sluice/config';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const DEADLINE_MS = 120_000;

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliInput {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
}

/** The words that the launcher hands to Node, without the launcher. */
export const CLI_WORDS = [
  '--conditions=@sluice/source', '--import', `${ROOT}deploy/host/source-loader.mjs`, '--enable-source-maps', `${ROOT}deploy/cli/src/main.ts`,
];

/** Only what a program needs to run: no setting of the machine that runs the tests gets in. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: processEnvironment['PATH'] ?? '', HOME: processEnvironment['HOME'] ?? '', NODE_COMPILE_CACHE: `${ROOT}.cache/compile`, ...extra };
}

/** Runs the real command line to its end. */
export async function runCli(words: readonly string[], { env, stdin, timeoutMs = DEADLINE_MS }: CliInput = {}): Promise<CliResult> {
  const child = spawn(process.execPath, [...CLI_WORDS, ...words], { env: cleanEnvironment(env), stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
