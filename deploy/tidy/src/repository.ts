import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '@sluice/config';

export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs a tool of the repository in its root; returns what it printed, whatever its exit code. */
export function run(tool: string, args: readonly string[], cwd = repositoryRoot): { code: number; output: string } {
  const environment = { ...processEnvironment, PATH: `${repositoryRoot}node_modules/.bin:${processEnvironment['PATH']}`, NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' };
  try {
    return { code: 0, output: execFileSync(tool, args, { cwd, env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 }) };
  } catch (thrown) {
    const failure = thrown as { status?: number; stdout?: string; stderr?: string; message: string };
    return { code: failure.status ?? -1, output: `${failure.stdout ?? ''}${failure.stderr ?? ''}` || failure.message };
  }
}

/** Every file of the repository that is tracked or would be, relative to the root. */
export function repositoryFiles(): string[] {
  const { output } = run('git', ['ls-files', '--cached', '--others', '--exclude-standard']);
  return output.split('\n').filter((file) => file !== '' && existsSync(repositoryRoot + file));
}

export function readRepositoryFile(file: string): string {
  return readFileSync(repositoryRoot + file, 'utf8');
}

/** Hand-written TypeScript: not generated, not vendored. */
export function sources(): string[] {
  return repositoryFiles().filter((file) => file.endsWith('.ts') && !file.startsWith('proto/gen/'));
}
