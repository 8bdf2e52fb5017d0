import { Docker } from '../docker/docker.ts';
import { enginesOf } from '../engines/engines.ts';
import { readChoices } from '../folder/choices.ts';
import { stackFolder } from '../folder/stack-folder.ts';
import { logTail } from '../processes/engine-log.ts';
import { StackError } from '../stack-error.ts';
import type { StackPlace } from './down.ts';
import { noStack } from './status.ts';

export interface EngineLog {
  readonly name: string;
  readonly path: string;
  /** Its last lines; empty while there are none. */
  readonly text: string;
}

/** The end of each engine's log, or of one engine's. @throws StackError when there is no such engine */
export async function stackLogs({ data, cache }: StackPlace, engine: string | undefined, lines: number): Promise<readonly EngineLog[]> {
  const folder = stackFolder(data);
  const choices = await readChoices(folder.choices);
  if (choices === undefined) throw noStack(folder);
  const all = enginesOf(folder, choices, cache).map(({ name }) => name);
  const wanted = all.filter((name) => engine === undefined || name === engine);
  if (wanted.length === 0) throw new StackError(`There is no engine ${engine}. There are: ${all.join(', ')}`);
  if (choices.route === 'docker') {
    const docker = new Docker(folder, choices);
    return Promise.all(wanted.map(async (name) => ({ name, path: `container of ${name}`, text: await docker.logs(name, lines) })));
  }
  return Promise.all(wanted.map(async (name) => ({ name, path: folder.logOf(name), text: await logTail(folder.logOf(name), lines) })));
}
