import { processEnvironment } from '@sluice/config';
import type { StackPlace } from '@sluice/stack';
import { InvalidArgumentError, type Command } from 'commander';
import { WrongUse } from '../exit-code.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { examples, folderPath, print, printAnswer } from './output.ts';

interface StackOptions {
  readonly data?: string;
  readonly json?: boolean;
}

const LINES = 40;
const MOST_LINES = 10_000;

export function addStackCommands(program: Command): void {
  const stack = program.command('stack').description('the servers of a platform in production, on this machine: Kafka, PostgreSQL, Redis, Triton');

  const up = inFolder(stack.command('up').description('start them and come back when all answer; Ctrl-C gives up')).option('--small', 'one Kafka broker instead of three').option('--models <dir>', 'model repository of Triton; kept for later starts (at first, and again with `own`: one with a language model, embeddings and a defect detector)', folderPath);
  examples(up, ['sluice stack up', 'sluice stack up --small --data ./stack', 'sluice stack up --models ./models']).action(async (options: StackOptions & { small?: true; models?: string }) => {
    const { startStack } = await import('../stack/start-stack.ts');
    await interruptible(async (signal) => startStack({ ...(await placeOf(options)), ...(await weightsPlace()), small: options.small, models: await modelsOf(options), strict: processEnvironment['CI'] === 'true', say, signal }));
  });

  const status = inFolder(stack.command('status').description('ask each server; exit code 1 when one does not answer')).option('--json', 'print JSON for programs');
  status.action(async (options: StackOptions) => {
    const { stackScreen } = await import('../stack/stack-screen.ts');
    const { stackStatus } = await import('@sluice/stack');
    const engines = await told(async () => stackStatus(await placeOf(options)));
    printAnswer(options, { object: 'stack', engines }, () => stackScreen(engines));
    if (engines.some(({ state }) => state !== 'up')) process.exitCode = 1;
  });

  const logs = inFolder(stack.command('logs').description("show the end of the servers' logs").argument('[engine]', 'one of them: kafka-1, kafka-2, kafka-3, postgres, redis, triton')).option('--lines <n>', 'lines of each', lineCount, LINES);
  logs.action(async (engine: string | undefined, options: StackOptions & { lines: number }) => {
    const { stackLogs } = await import('@sluice/stack');
    for (const { path, text } of await told(async () => stackLogs(await placeOf(options), engine, options.lines))) print(`==> ${path} <==\n${text}\n`);
  });

  inFolder(stack.command('down').description('stop them; their data stays')).action(async (options: StackOptions) => {
    const { stackDown } = await import('@sluice/stack');
    const place = await placeOf(options);
    await warnOfMesh(place);
    await told(async () => stackDown(place, say));
    print('Stopped. The data is kept.');
  });

  inFolder(stack.command('reset').description('stop them and delete their data')).option('--yes', 'do not ask').action(async (options: StackOptions & { yes?: true }) => {
    const { stackReset } = await import('@sluice/stack');
    const place = await placeOf(options);
    await warnOfMesh(place);
    if (!options.yes && !(await confirmed(`Delete all data of the stack in ${place.data}?`))) throw new WrongUse('Nothing was deleted.');
    await told(async () => stackReset(place, say));
    print('Deleted.');
  });
}

function inFolder(command: Command): Command {
  return command.option('--data <dir>', 'data folder of the stack (default: that of the platform with -stack at its end)', folderPath);
}

async function placeOf({ data }: StackOptions): Promise<StackPlace> {
  const { readSettings } = await import('../settings.ts');
  const { resolve, join } = await import('node:path');
  const { dataDir, cacheDir } = readSettings();
  return { data: resolve(data ?? `${dataDir}-stack`), cache: join(cacheDir, 'stack') };
}

/** Of who loses its servers with this stack. */
async function warnOfMesh({ data }: StackPlace): Promise<void> {
  const { readSettings } = await import('../settings.ts');
  const { meshOnStack } = await import('../stack/mesh-on-stack.ts');
  const mesh = meshOnStack(data, readSettings().dataDir);
  if (mesh) say(`Warning: the mesh of the data folder ${mesh.root} runs on this stack and takes no calls without it; Ctrl-C ends that.`);
}

/** Where the platform keeps its own weights: Triton's models are made of what lies there. */
async function weightsPlace(): Promise<{ weights: string }> {
  const { readSettings } = await import('../settings.ts');
  const { dataFolder } = await import('../data-folder/data-folder.ts');
  return { weights: dataFolder(readSettings().dataDir).models };
}

/** The word `own` stands for the repository in the data folder; a folder of that name is `./own`. */
async function modelsOf(options: StackOptions & { models?: string }): Promise<string | undefined> {
  const { models: folder } = options;
  if (folder === undefined) return undefined;
  if (folder === 'own') return (await import('@sluice/stack')).stackFolder((await placeOf(options)).data).models;
  const { resolve } = await import('node:path');
  const { statSync } = await import('node:fs');
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new WrongUse(`There is no model repository ${folder}.`);
  return resolve(folder);
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  const { tellStackError } = await import('../stack/tell-stack-error.ts');
  return work().catch(tellStackError);
}

/** A question on a terminal; where there is none the answer is no. */
async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new WrongUse('Deleting asks on a terminal; without one give --yes.');
  const { isAgreed } = await import('../terminal/is-agreed.ts');
  return isAgreed(question);
}

function lineCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MOST_LINES) throw new InvalidArgumentError(`Give a number from 1 to ${MOST_LINES}.`);
  return value;
}

function say(text: string): void {
  process.stderr.write(`${asTyped(text)}\n`);
}
