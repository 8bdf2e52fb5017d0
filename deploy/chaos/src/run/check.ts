import { readFileSync, writeFileSync } from 'node:fs';
import type { Reconciliation } from '@sluice/cli';
import { eventually } from '../house/eventually.ts';
import type { House } from '../house/house.ts';
import type { Receipt } from '../load/call-end.ts';

/** Whether everything that was counted agrees after a part of a run. */
export interface Check {
  readonly after: string;
  readonly ok: boolean;
  readonly calls: number;
  readonly receipts: number;
  readonly ledgerItems: number;
  /** In the segments on Kafka. */
  readonly logged: number;
  /** Calls of which clients, audit, ledger and event log say different things. */
  readonly differences: readonly { readonly call_id: string; readonly kind: string; readonly detail: string }[];
  /** Everything else that is not as it must be. */
  readonly faults: readonly string[];
  /** Calls that were given up for a process that did not say their end. */
  readonly abandoned: number;
  readonly tookMs: number;
}

interface Page {
  readonly data: readonly { readonly id: string; readonly status: string }[];
  readonly has_more: boolean;
}

/** Audit and billing may need so long to catch up: an epoch that nobody closes is closed after 15 s of silence. */
const WAIT_SECONDS = 45;
const TEXT_EVERY = 10;
/** Calls need no database, so they may be answered before the owners have theirs again: within what a server has in all. */
const ADMIN_LIMIT_MS = 30_000;

interface CheckOptions {
  /** What was done before it. */
  readonly after: string;
  readonly receiptsFile: string;
  readonly sinceMs: number;
  readonly everyText: boolean;
  /** That clients had. */
  readonly wrongAnswers: number;
}

/**
 * Compares what clients had with the audit, the ledger and the event log on Kafka, lets the ledger and the log prove themselves, and looks that
 * nothing is held. No call may be under way. No receipt is of a call that was sent before `sinceMs`.
 */
export async function check({ platform, servers }: House, { after, receiptsFile, sinceMs, everyText, wrongAnswers }: CheckOptions): Promise<Check> {
  const startedMs = performance.now();
  const since = new Date(sinceMs).toISOString();
  if (!everyText) thinOut(receiptsFile);
  const ran = await eventually('an account of everything', ADMIN_LIMIT_MS, async () => {
    const tried = await platform.command('reconcile', '--since', since, '--receipts', receiptsFile, '--kafka', servers.brokers, '--wait', String(WAIT_SECONDS), '--json');
    if (tried.stdout === '') throw new Error(`reconcile ended with ${tried.code}: ${tried.stderr}`);
    return tried;
  });
  const found = JSON.parse(ran.stdout) as Reconciliation;
  const { calls, receipts, logged } = found;
  const faults = faultsOf({ ...found, wrongAnswers });
  const verified = await platform.command('audit', 'verify', '--json');
  if (verified.code !== 0) faults.push(`the log does not verify: ${verified.stdout}${verified.stderr}`);
  return {
    after, ok: faults.length === 0 && found.differences.length === 0, calls, receipts: receipts ?? 0, ledgerItems: found.ledger_items, logged: logged ?? 0,
    differences: found.differences, faults, abandoned: await countAbandoned({ platform }, since), tookMs: performance.now() - startedMs,
  };
}

/** What is wrong with the comparison itself, whatever it says of single calls. */
export function faultsOf({ faults: laws, held, calls, receipts, logged, logged_since: loggedSince, wrongAnswers }: Pick<Reconciliation, 'faults' | 'held' | 'calls' | 'receipts' | 'logged' | 'logged_since'> & Pick<CheckOptions, 'wrongAnswers'>): string[] {
  const faults = laws.map(({ law, detail }) => `ledger: ${law}: ${detail}`);
  if (held !== '0') faults.push(`${held} nano-units are still held`);
  if (wrongAnswers > 0) faults.push(`${wrongAnswers} clients had another answer than theirs, or what a rule was to keep from them`);
  if (!calls || !receipts || !logged) faults.push('there was nothing to compare');
  // The servers are as old as the run: calls that Kafka lacks were lost, and are left out of the differences.
  if (loggedSince !== null) faults.push(`the log on Kafka begins at ${loggedSince}, behind calls of this part`);
  return faults;
}

/**
 * A text is read from the audit one by one, and that takes longer than the calls did: keeps the texts of answers that broke
 * off, and of some of the whole ones, which the clients have held against what they should be. The calls stay, all of them.
 */
function thinOut(receiptsFile: string): void {
  const receipts = readFileSync(receiptsFile, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Receipt);
  writeFileSync(receiptsFile, receipts.map(({ content, ...rest }, at) => `${JSON.stringify(rest.whole && at % TEXT_EVERY !== 0 ? rest : { ...rest, content })}\n`).join(''));
}

async function countAbandoned({ platform }: Pick<House, 'platform'>, since: string): Promise<number> {
  let abandoned = 0;
  for (let after: string | undefined, hasMore = true; hasMore;) {
    const page: Page = await platform.admin('GET', `/audit/calls?${new URLSearchParams({ since, status: 'abandoned', limit: '100', ...(after !== undefined && { after }) })}`);
    abandoned += page.data.filter(({ status }) => status === 'abandoned').length;
    after = page.data.at(-1)?.id;
    hasMore = page.has_more && after !== undefined;
  }
  return abandoned;
}
