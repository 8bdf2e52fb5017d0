import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { StackError } from '../stack-error.ts';
import { readPrivateJson, writePrivateJson } from './private-file.ts';

const choices = z.object({
  version: z.literal(1),
  route: z.enum(['packages', 'docker']),
  /** One broker instead of three. */
  small: z.boolean(),
  /** Added to every port; moves when another program took one of them. */
  portOffset: z.int().min(0),
  /** Of the Kafka cluster: 16 bytes, base64url. */
  clusterId: z.string().length(22),
  /** Model repository of Triton; without it the one in the data folder. */
  models: z.string().min(1).optional(),
  postgresPassword: z.string().min(1),
  redisPassword: z.string().min(1),
});

/** What is decided once for a data folder and holds until `reset`. Mode 0600: it has the passwords. */
export type Choices = z.infer<typeof choices>;

const PASSWORD_BYTES = 24;

export async function readChoices(path: string): Promise<Choices | undefined> {
  return readPrivateJson(path, choices, 'Put it back from a copy, or give another folder with --data.');
}

/** What was asked for; undefined leaves it as it is. */
export interface Asked {
  readonly small: true | undefined;
  readonly route: Choices['route'];
}

/**
 * The choices of this folder, made now if there are none.
 * @throws StackError when a folder of three brokers is asked to be small: its topics have replicas on all of them
 */
export async function chosen(path: string, asked: Asked): Promise<Choices> {
  const found = await readChoices(path);
  if (found && asked.small && !found.small) throw new StackError('This data folder has three brokers, and --small means one. Give another folder with --data, or delete this one with: sluice stack reset');
  if (found) return found;
  const made = firstChoices(asked);
  await writePrivateJson(path, made);
  return made;
}

/** To be called when Triton serves these models: what could not be applied is not kept. */
export async function keepModels(path: string, models: Choices['models']): Promise<void> {
  const found = await readChoices(path);
  if (found === undefined || found.models === models) return;
  await writePrivateJson(path, { ...found, models });
}

function firstChoices(asked: Asked): Choices {
  return { version: 1, route: asked.route, small: asked.small ?? false, portOffset: 0, clusterId: clusterId(), postgresPassword: secret(), redisPassword: secret() };
}

export async function moveTo(path: string, before: Choices, portOffset: number): Promise<Choices> {
  if (before.portOffset === portOffset) return before;
  const moved = { ...before, portOffset };
  await writePrivateJson(path, moved);
  return moved;
}

function secret(): string {
  return randomBytes(PASSWORD_BYTES).toString('hex');
}

/** As `kafka-storage random-uuid` makes them: a leading dash would look like an option. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
}
