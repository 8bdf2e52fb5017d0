import { LogFault, LogVerifier, type LogReport } from '@sluice/transparency';
import { print, printAnswer } from '../commands/output.ts';
import { CommandFailed } from '../exit-code.ts';
import { NoAnswer } from '../platform-api/http-api.ts';
import type { CallProof } from './call-proof.ts';
import type { Seen } from './known-log.ts';
import { LogRefused } from './log-refused.ts';
import { openLog, type LogSource, type VerifyOptions } from './log-source.ts';

const PROGRESS_EVERY_ENTRIES = 4096n;

/** `sluice audit verify [ID]`: trusts nothing but the pinned key and the checkpoint that was proven last. */
export async function verify(id: string | undefined, options: VerifyOptions): Promise<void> {
  try {
    await verifyAndPrint(id, options);
  } catch (error) {
    // A program that reads the JSON is told there too; what is no statement about the log (no connection) is not.
    if (options.json && error instanceof LogRefused) print(JSON.stringify({ verified: false, fault: error.fault }, undefined, 2));
    throw error;
  }
}

async function verifyAndPrint(id: string | undefined, options: VerifyOptions): Promise<void> {
  const startedMs = performance.now();
  const source = await proven(async () => openLog(options));
  const report = await verifyLog(source);
  const proof = id === undefined ? undefined : await proven(async () => (await import('./call-proof.ts')).verifyCall(id, source, report.checkpoint));
  const elapsedMs = Math.round(performance.now() - startedMs);
  const { origin, size, root } = report.checkpoint;
  const answer = {
    verified: true,
    origin,
    size: Number(size),
    root: Buffer.from(root).toString('base64'),
    continues: source.known.checkpoint ? Number(source.known.checkpoint.size) : null,
    forgot_history: source.known.isForgotten,
    ...numbersOf(report),
    elapsed_ms: elapsedMs,
    ...(proof && { call: proof }),
  };
  printAnswer(options, answer, () => readable(answer, proof));
}

/** Verifies all of the log and remembers its checkpoint. Throws CommandFailed at the first thing that does not hold. */
export async function verifyLog({ read, key, known }: Pick<LogSource, 'read' | 'key' | 'known'>): Promise<LogReport> {
  const [newest, ...others] = known.seen;
  const continuing = async (seen: Seen | undefined): Promise<LogReport> => proven(async () => new LogVerifier(read, key).verify(seen?.checkpoint, showProgress), seen && (() => known.explainFork(seen)));
  const report = await continuing(newest);
  for (const other of others) await continuing(other);
  known.remember(report.note, Date.now());
  return report;
}

/** `explainFork` says what it means that the log does not continue what was seen before. */
async function proven<T>(work: () => Promise<T>, explainFork?: () => string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LogFault)) throw error;
    if (error.cause instanceof NoAnswer) throw new CommandFailed(`The log could not be read to its end: nothing is proven, and nothing refuted.\n${error.cause.message}`);
    const more = error.cause instanceof CommandFailed ? error.cause.message : error.kind === 'consistency' ? explainFork?.() : undefined;
    const message = more === undefined ? error.message : `${error.message}\n${more}`;
    throw new LogRefused(error.kind, message, `THE LOG DOES NOT VERIFY (${error.kind}): ${message}`);
  }
}

interface Numbers {
  readonly acts: number;
  readonly closed_epochs: number;
  readonly open_epochs: readonly { readonly producer: string; readonly epoch: number; readonly entries: number }[];
}

/** What the log's own numbers could be held against, and what of it is not counted yet. */
function numbersOf({ producers }: LogReport): Numbers {
  const acts = producers.reduce((sum, { byType }) => sum + (byType['admin.acted'] ?? 0), 0);
  const epochs = producers.filter(({ epoch }) => epoch > 0n);
  const open = epochs.filter(({ closed }) => !closed).map(({ producer, epoch, entries }) => ({ producer, epoch: Number(epoch), entries }));
  return { acts, closed_epochs: epochs.length - open.length, open_epochs: open };
}

function counted({ acts, closed_epochs, open_epochs }: Numbers): string[] {
  return [
    `acts    ${acts}, numbered without a gap`,
    `epochs  ${closed_epochs} closed: each has as many ends of calls as its close says`,
    ...open_epochs.map(({ producer, epoch, entries }) => `        ${producer} is in epoch ${epoch}, which is open: its ${entries} entries are not counted yet`),
  ];
}

type Answer = Numbers & { readonly origin: string; readonly size: number; readonly root: string; readonly continues: number | null; readonly forgot_history: boolean; readonly elapsed_ms: number };

function readable(answer: Answer, proof?: CallProof): string {
  const { origin, size, root, elapsed_ms } = answer;
  const lines = [`The log verifies: ${size} entries, ${elapsed_ms} ms`, `origin  ${origin}`, `root    ${root}`, `history ${historyOf(answer)}`, ...counted(answer)];
  if (proof) {
    lines.push(`call    ${proof.id} is entry ${proof.index} of it (${proof.type}, ${proof.minute})`);
    lines.push(...shown(proof));
  }
  return lines.join('\n');
}

function historyOf({ continues, forgot_history }: Answer): string {
  if (continues !== null) return `continues the ${continues} entries that were proven before`;
  if (forgot_history) return 'not compared with what was seen before (--new-log): this log and its key are what the next verification continues';
  return 'first sight: the key is pinned from now on';
}

/** What is proven of the call, and what is not. */
function shown({ opened, prompt, output, original, type }: CallProof): string[] {
  if (opened.length === 0) return ['record  not compared: it is sealed for this key (owner and auditor may read it), or gone'];
  const isRefusal = type === 'call.refused';
  return [
    `record  audit show prints what was committed to: ${opened.join(', ')}`,
    `prompt  ${prompt ? 'the request that audit show prints, messages and parameters, is the one that was committed to' : 'not compared: it was not kept, or is not part of this entry'}`,
    ...(isRefusal ? [] : [`answer  ${output ? 'the answer that audit show prints is the released output that was committed to, whole' : 'not compared: it was not kept, or is gone'}`]),
    ...originalLines(original),
    'beyond  the time to the first output is recorded, not committed to',
  ];
}

const ORIGINAL_PROMPT = {
  proven: 'the request as it was asked, which audit show prints beside the one that was sent, is the one that was committed to',
  none: 'it was committed to that there is none of the request: what stands on record is what was asked, or nothing of it was understood',
  not_compared: 'the request as it was asked was not compared: it is gone',
};
const ORIGINAL_OUTPUT = {
  proven: 'the answer as the model gave it, which audit show prints where rules changed it, is the one that was committed to, whole',
  none: 'it was committed to that there is none of the answer: no rule looked at it',
  not_compared: 'the answer as the model gave it was not compared: it is gone',
};

/** Nothing for a project that keeps no originals. */
function originalLines(original: CallProof['original']): string[] {
  if (!original) return [];
  return [`asked   ${ORIGINAL_PROMPT[original.prompt]}`, ...(original.output ? [`given   ${ORIGINAL_OUTPUT[original.output]}`] : [])];
}

function showProgress(entries: bigint): void {
  if (process.stderr.isTTY && entries % PROGRESS_EVERY_ENTRIES === 0n) process.stderr.write(`\r\x1b[K${entries} entries ...`);
}
