import { setTimeout as pause } from 'node:timers/promises';
import { CommandFailed, WrongUse } from '../exit-code.ts';
import { ledgerCheck, type LedgerCheck } from '../platform-api/answers.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import type { Receipt } from './accounts.ts';
import { compare, type Difference } from './compare.ts';
import { LogOnKafka } from './log-on-kafka.ts';
import { anyRuns, MAX_CALLS, readAudit, readLedger, readTexts } from './read-accounts.ts';
import { beganIn, beganMs, type Window } from './window.ts';

/** Audit and billing read the log behind the calls: what differs now may agree a moment later. */
const LOOK_AGAIN_MS = 1_000;
const DAY_MS = 86_400_000;

export interface ReconcileOptions {
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly receipts: readonly Receipt[] | undefined;
  /** Of Kafka, where the event log lies there and is to be compared too. */
  readonly brokers: readonly string[] | undefined;
  /** How long differences may take to go away. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** What was compared, and what does not agree. */
export interface Reconciliation extends Window {
  readonly object: 'reconciliation';
  readonly ok: boolean;
  readonly calls: number;
  readonly ledger_items: number;
  readonly receipts: number | null;
  readonly logged: number | null;
  /** What began before is not in the log any more, and was compared without it; null where the log has all. */
  readonly logged_since: string | null;
  readonly differences: readonly { readonly call_id: string; readonly kind: string; readonly detail: string }[];
  /** Laws of the ledger that do not hold. */
  readonly faults: readonly { readonly law: string; readonly detail: string }[];
  /** In nano-units, now, by the calls of any time; while no call runs at all it is a difference too. */
  readonly held: string;
}

/** Compares all accounts of the calls of a time, again and again until they agree or the patience is over. */
export async function reconcile(api: HttpApi, options: ReconcileOptions): Promise<Reconciliation> {
  const window = windowOf(options);
  const receipts = options.receipts?.filter(({ id }) => beganIn(window, id));
  const log = options.brokers && new LogOnKafka(options.brokers, window, options.signal);
  const untilMs = performance.now() + options.waitMs;
  for (;;) {
    const found = await look(api, window, log, receipts);
    if (found.ok || performance.now() >= untilMs) return found;
    await pause(LOOK_AGAIN_MS, undefined, { signal: options.signal });
  }
}

async function look(api: HttpApi, window: Window, onKafka: LogOnKafka | undefined, receipts: readonly Receipt[] | undefined): Promise<Reconciliation> {
  // The ledger first: a call that ends in between is then on record and not billed yet, and is looked at again.
  const ledger = await readLedger(api, window);
  const audit = await readAudit(api, window);
  if (audit.length > MAX_CALLS || ledger.length > MAX_CALLS) throw new CommandFailed(`There are more than ${MAX_CALLS} calls from ${window.since} to ${window.until}; compare them in parts (--since, --until).`);
  // Behind the audit, which knows nothing that is not in the log.
  const log = onKafka && (await onKafka.read());
  const texts = await readTexts(api, receipts ?? [], new Set(audit.map(({ id }) => id)));
  const differences = compare({ audit, ledger, log: log?.calls, logSinceMs: log?.sinceMs, receipts, texts });
  const { faults, held, isLeftOver } = await readHeld(api);
  return {
    object: 'reconciliation',
    ok: differences.length === 0 && faults.length === 0 && !isLeftOver,
    ...window,
    calls: audit.length,
    ledger_items: ledger.length,
    receipts: receipts?.length ?? null,
    logged: log?.calls.length ?? null,
    logged_since: log?.sinceMs === undefined ? null : new Date(log.sinceMs).toISOString(),
    differences: differences.map(({ callId, kind, detail }: Difference) => ({ call_id: callId, kind, detail })),
    faults: [...faults, ...(isLeftOver ? [{ law: 'nothing_held', detail: `${held} nano-units are held, and no call runs` }] : [])],
    held,
  };
}

/**
 * The laws of the ledger, and what it holds now, which calls of any time may: it is left over only where no call runs, before it
 * was read and behind it, and no call was billed in between.
 */
async function readHeld(api: HttpApi): Promise<LedgerCheck & { readonly isLeftOver: boolean }> {
  const before = await api.get('/ledger/check', ledgerCheck);
  if (before.held === '0' || (await anyRuns(api))) return { ...before, isLeftOver: false };
  const after = await api.get('/ledger/check', ledgerCheck);
  const isSame = after.held === before.held && after.calls === before.calls;
  return { ...after, isLeftOver: isSame && !(await anyRuns(api)) };
}

/** Without bounds: the calls that clients have receipts of and whatever ran beside them, or the last day. */
function windowOf({ since, until, receipts }: ReconcileOptions): Window {
  const nowMs = Date.now();
  const began = (receipts ?? []).map(({ id }) => beganMs(id));
  const first = began.length > 0 ? began.reduce((earliest, ms) => Math.min(earliest, ms)) : nowMs - DAY_MS;
  // The clock of the platform may be ahead of this one: no receipt is left out for that.
  const last = began.reduce((latest, ms) => Math.max(latest, ms + 1), nowMs);
  const window = { since: since ?? new Date(first).toISOString(), until: until ?? new Date(last).toISOString() };
  if (window.since >= window.until) throw new WrongUse(`--until ${window.until} does not lie behind --since ${window.since}.`);
  return window;
}
