import type { House } from '../house/house.ts';

/** Whether everything that was counted agrees after a part of a run. */
export interface Check {
  readonly after: string;
  readonly ok: boolean;
  readonly calls: number;
  readonly receipts: number;
  readonly ledgerItems: number;
  /** Calls of which clients, audit and ledger say different things. */
  readonly differences: readonly { readonly call_id: string; readonly kind: string; readonly detail: string }[];
  /** Everything else that is not as it must be. */
  readonly faults: readonly string[];
  /** Calls that were given up for a process that did not say their end. */
  readonly abandoned: number;
  readonly tookMs: number;
}

interface Reconciliation {
  readonly calls: number;
  readonly ledger_items: number;
  readonly receipts: number;
  readonly held: string;
  readonly differences: Check['differences'];
  readonly faults: readonly { readonly law: string; readonly detail: string }[];
}

interface Page {
  readonly data: readonly { readonly id: string; readonly status: string }[];
  readonly has_more: boolean;
}

/** Audit and billing may need so long to catch up: an epoch that nobody closes is closed after 15 s of silence. */
const WAIT_SECONDS = 45;
const EXIT_DIFFERENCES = 1;

/**
 * Compares what clients had with the audit and the ledger, lets the ledger and the log prove themselves, and looks that
 * nothing is held. No call may be under way. `sinceMs`: the first call of these receipts was not sent before.
 */
export async function check({ platform }: House, after: string, receiptsFile: string, sinceMs: number): Promise<Check> {
  const startedMs = performance.now();
  const since = new Date(sinceMs).toISOString();
  const ran = await platform.command('reconcile', '--since', since, '--receipts', receiptsFile, '--wait', String(WAIT_SECONDS), '--json');
  if (ran.code !== 0 && ran.code !== EXIT_DIFFERENCES) throw new Error(`reconcile ended with ${ran.code}: ${ran.stderr}`);
  const found = JSON.parse(ran.stdout) as Reconciliation;
  const faults = found.faults.map(({ law, detail }) => `ledger: ${law}: ${detail}`);
  if (found.held !== '0') faults.push(`${found.held} nano-units are still held`);
  if (found.calls === 0 || found.receipts === 0) faults.push('there was nothing to compare');
  const verified = await platform.command('audit', 'verify', '--json');
  if (verified.code !== 0) faults.push(`the log does not verify: ${verified.stdout}${verified.stderr}`);
  return {
    after, ok: faults.length === 0 && found.differences.length === 0, calls: found.calls, receipts: found.receipts, ledgerItems: found.ledger_items,
    differences: found.differences, faults, abandoned: await countAbandoned({ platform }, since), tookMs: performance.now() - startedMs,
  };
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
