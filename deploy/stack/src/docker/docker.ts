import { createHash } from 'node:crypto';
import { processEnvironment } from '@sluice/config';
import type { Choices } from '../folder/choices.ts';
import { writePrivateFile } from '../folder/private-file.ts';
import type { StackFolder } from '../folder/stack-folder.ts';
import type { EngineProcess } from '../processes/engine-process.ts';
import { askTool, runTool } from '../processes/run-tool.ts';
import { whileTelling } from '../processes/while-telling.ts';
import { composeText, VARIABLES } from './compose-file.ts';

/** True where a Docker engine answers and its client has Compose. */
export async function dockerRuns(): Promise<boolean> {
  if ((await askTool(['docker', 'compose', 'version'])) === undefined) return false;
  return (await askTool(['docker', 'info', '--format', '{{.ServerVersion}}'])) !== undefined;
}

/** The containers of one stack. */
export class Docker {
  readonly #folder: StackFolder;
  readonly #choices: Choices;

  constructor(folder: StackFolder, choices: Choices) {
    this.#folder = folder;
    this.#choices = choices;
  }

  /** Brings what images are missing and starts what containers do not run. */
  async up(say: (text: string) => void, signal: AbortSignal): Promise<void> {
    say('bringing the images that are missing, and starting the containers, with docker compose');
    await whileTelling(say, 'docker compose', async () => this.#compose(['up', '--detach', '--remove-orphans', '--quiet-pull'], signal));
  }

  /** Stops the containers; their volumes stay. */
  async down(): Promise<void> {
    await this.#compose(['down']);
  }

  /** Removes them with all that they hold. */
  async reset(): Promise<void> {
    await this.#compose(['down', '--volumes']);
  }

  async logs(service: string, lines: number): Promise<string> {
    return this.#compose(['logs', '--no-color', '--no-log-prefix', '--tail', String(lines), service]);
  }

  /** The process of a container that runs, by the engine's own numbers: with a virtual machine between, they are that one's. */
  async find(service: string): Promise<EngineProcess | undefined> {
    const id = (await this.#compose(['ps', '--quiet', '--status', 'running', service]).catch(() => '')).trim();
    if (id === '') return undefined;
    const pid = Number(await askTool(['docker', 'inspect', '--format', '{{.State.Pid}}', id]));
    return Number.isInteger(pid) && pid > 0 ? { pid, started: `container ${id}` } : undefined;
  }

  /** The file is written anew each time: what it is made of is what counts. */
  async #compose(words: readonly string[], signal?: AbortSignal): Promise<string> {
    const { root, composeFile } = this.#folder;
    await writePrivateFile(composeFile, composeText(this.#choices));
    const env = {
      ...(processEnvironment as Readonly<Record<string, string>>),
      [VARIABLES.clusterId]: this.#choices.clusterId,
      [VARIABLES.postgres]: this.#choices.postgresPassword,
      [VARIABLES.redis]: this.#choices.redisPassword,
      [VARIABLES.models]: this.#choices.models ?? this.#folder.models,
    };
    return runTool(['docker', 'compose', '--project-name', projectName(root), '--file', composeFile, ...words], { cwd: root, env, ...(signal && { signal }) });
  }
}

/** One a data folder, of the letters that Compose takes. */
export function projectName(root: string): string {
  return `sluice-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
}
