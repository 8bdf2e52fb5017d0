import { dirname, resolve } from 'node:path';
import { explainErrno } from '../data-folder/explain-errno.ts';
import { readGivenFile } from '../data-folder/given-file.ts';
import { CommandFailed, EXIT, WrongUse } from '../exit-code.ts';
import { print } from '../commands/output.ts';
import { adminApi } from '../platform-api/connection.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { readSettings, wantsNoColour } from '../settings.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { isAgreed } from '../terminal/is-agreed.ts';
import { printableLine } from '../terminal/printable.ts';
import { readAll } from '../terminal/stdin.ts';
import { KeyFile } from './key-file.ts';
import { makePlan } from './plan/make-plan.ts';
import type { NewKey, Plan } from './plan/plan.ts';
import { readPlatform } from './platform-state.ts';
import { MAX_FILE_BYTES, readPlatformFile } from './read-file.ts';
import { runPlan, type Outcome, type Ran } from './run-plan.ts';
import { shownPlan } from './show-plan.ts';
import { sourcesOf } from './sources.ts';

export interface ApplyOptions {
  readonly file: string;
  readonly data?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly prune?: boolean;
  readonly keysOut?: string;
  readonly json?: boolean;
}

/** Compares a file with a platform, shows the difference, asks, and makes the platform what the file says. */
export async function applyFile(options: ApplyOptions): Promise<void> {
  const asks = !options.yes && !options.dryRun;
  const isStdin = options.file === '-';
  if (asks && isStdin) throw nobodyToAsk();
  const { wanted, isFaulty, refuse } = readPlatformFile(isStdin ? await readAll(MAX_FILE_BYTES) : readGivenFile(options.file, MAX_FILE_BYTES), isStdin ? 'standard input' : options.file);
  // Behind the file: one that is wrong is wrong however it is asked for.
  if (asks && (options.json || !process.stdin.isTTY)) throw isFaulty ? refuse([]) : nobodyToAsk();
  const folder = isStdin ? process.cwd() : dirname(resolve(options.file));
  const sources = sourcesOf({ folder, dataDir: options.data ?? readSettings().dataDir });
  const compare = async (): Promise<Plan> => makePlan(wanted, await readPlatform(adminApi(options)), sources, { prunes: options.prune ?? false });
  const plan = await compare().catch((error: unknown) => {
    // Without a platform the faults of the file itself are known all the same.
    throw isFaulty ? refuse([]) : error;
  });
  if (isFaulty || plan.faults.length > 0) throw refuse(plan.faults);
  for (const note of plan.notes) process.stderr.write(`${printableLine(note)}\n`);
  const { steps } = plan;
  if (!options.json) print(shownPlan(steps, { isColoured: process.stdout.isTTY && !wantsNoColour() }));
  if (steps.length > 0 && options.dryRun) process.exitCode = EXIT.differs;
  if (steps.length === 0 || options.dryRun) return options.json ? print(document(plan, steps.map(() => 'not done'), [])) : undefined;
  if (asks) {
    if (!(await isAgreed('Apply these changes?'))) throw new CommandFailed('Nothing was changed.');
    // What was agreed to is what is made: an answer may take its time, and others change the platform meanwhile.
    if (JSON.stringify((await compare()).steps) !== JSON.stringify(steps)) throw new CommandFailed('The platform was changed while you were asked. Nothing was changed by this; apply the file again to see what differs now.');
  }
  await makeChanges(adminApi(options), plan, options);
}

function nobodyToAsk(): WrongUse {
  return new WrongUse('There is nobody to ask here: say --yes to apply what differs, or --dry-run to only see it.');
}

async function makeChanges(api: HttpApi, plan: Plan, { keysOut, json }: ApplyOptions): Promise<void> {
  const { steps } = plan;
  const makesKeys = steps.some(({ sign, what }) => sign === '+' && /^(admin )?key /.test(what));
  const file = keysOut !== undefined && makesKeys ? new KeyFile(keysOut) : undefined;
  const keys: NewKey[] = [];
  const keepKey = (key: NewKey): void => {
    const isWritten = file !== undefined && isAdded(file, key, keysOut!);
    keys.push(isWritten ? { ...key, secret: `in ${keysOut}` } : key);
    if (!isWritten && !json) print(`  ${key.secret}  (${key.id}) Keep the key: it is not shown again.`);
  };
  const begin = (step: Plan['steps'][number]): void => void (json || print(`${step.sign} ${printableLine(step.what)} ...`));
  const ran: Ran = await interruptible(async (signal) => runPlan(api, steps, { signal, keepKey, begin })).finally(() => file?.close());
  if (json) print(document(plan, ran.outcomes, keys));
  if (ran.failure) throw ran.failure;
  if (!json) print(`Done: ${steps.length} ${steps.length === 1 ? 'change' : 'changes'}.${file ? ` The new keys are in ${keysOut}.` : ''}`);
}

/** The key is made by now: one that cannot be written down is shown instead, or nobody would have it. */
function isAdded(file: KeyFile, key: NewKey, path: string): boolean {
  try {
    file.add(key);
    return true;
  } catch (failure) {
    process.stderr.write(`${explainErrno(failure, path, 'Give another file with --keys-out.') ?? `${path} cannot be written to.`} The key is shown instead.\n`);
    return false;
  }
}

function document({ steps, notes }: Plan, outcomes: readonly Outcome[], keys: readonly NewKey[]): string {
  const changes = steps.map(({ sign, what, details }, at) => ({ sign, what, details, outcome: outcomes[at] }));
  return JSON.stringify({ object: 'apply', changes, notes, keys }, undefined, 2);
}
