import { askEngine } from '../engines/ask-engine.ts';
import { enginesOf } from '../engines/engines.ts';
import { readChoices } from '../folder/choices.ts';
import { stackFolder, type StackFolder } from '../folder/stack-folder.ts';
import { Running } from '../running.ts';
import { StackError } from '../stack-error.ts';
import type { StackPlace } from './down.ts';

export interface EngineStatus {
  readonly name: string;
  /** `up`: it answers; `silent`: its process lives, it does not answer; `down`: there is no process. */
  readonly state: 'up' | 'silent' | 'down';
  /** What it says of itself, or why it does not answer. */
  readonly says: string;
  readonly pid: number | null;
  /** Without its password. */
  readonly address: string;
  readonly log: string;
}

/** Asks every engine. @throws StackError when there is no stack in the folder */
export async function stackStatus({ data, cache }: StackPlace): Promise<readonly EngineStatus[]> {
  const folder = stackFolder(data);
  const choices = await readChoices(folder.choices);
  if (choices === undefined) throw noStack(folder);
  const engines = enginesOf(folder, choices, cache);
  const running = await Running.look(folder, choices, engines);
  return Promise.all(
    engines.map(async (engine): Promise<EngineStatus> => {
      const server = running.processOf(engine.name);
      const facts = { name: engine.name, pid: server?.pid ?? null, address: withoutPassword(engine.address), log: folder.logOf(engine.name) };
      if (server === undefined) return { ...facts, state: 'down', says: '' };
      const answer = await askEngine(engine);
      return { ...facts, state: answer.ok ? 'up' : 'silent', says: answer.ok ? answer.says : answer.why };
    }),
  );
}

export function noStack(folder: StackFolder): StackError {
  return new StackError(`There is no stack in ${folder.root}. Start one with: sluice stack up --data ${folder.root}\nOne that is elsewhere is found with --data DIR.`);
}

/** `postgresql://user:secret@host` with its user alone. */
export function withoutPassword(address: string): string {
  return address.replace(/^([a-z]+:\/\/)([^:@/]*):[^@/]*@/, (_, scheme: string, user: string) => (user === '' ? scheme : `${scheme}${user}@`));
}
