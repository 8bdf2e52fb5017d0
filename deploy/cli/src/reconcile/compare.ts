import { isAnswer, isRecordedRefusal, type Accounts, type AuditedCall, type BilledCall, type LoggedCall, type Receipt, type RecordedText } from './accounts.ts';
import { beganMs } from './window.ts';

/** One thing that two accounts of the same call do not agree in. Numbers and names, never content. */
export interface Difference {
  readonly callId: string;
  readonly kind: DifferenceKind;
  readonly detail: string;
}

/** What can differ, and what it means. */
export const KINDS = {
  received_without_record: 'a client had an answer that the audit does not have',
  refused_without_record: 'a client was refused by a limit or a budget, and the audit does not have it',
  received_beyond_record: 'a client had text that is not on record',
  received_less_than_whole: 'a client had a whole answer that is shorter than the record',
  received_whole_not_answered: 'a client had a whole answer of a call that ended otherwise on record',
  not_ended: 'the audit still waits for its end',
  not_billed: 'it ended and is not in the ledger',
  billed_without_record: 'the ledger has it and the audit does not',
  billed_twice: 'the ledger has it more than once',
  recorded_twice: 'the audit has it more than once',
  cost_differs: 'audit and ledger say different costs',
  logged_without_record: 'the event log has it and the audit does not',
  recorded_without_log: 'the audit has it and the event log does not',
  ended_twice: 'the event log has more than one end of it',
} as const;
export type DifferenceKind = keyof typeof KINDS;

/** Calls that were let in are billed, also those that nobody answered; what was refused never began. */
const NOT_BILLED: ReadonlySet<string> = new Set(['refused', 'running']);

/** Everything that the accounts do not agree in, by the calls' ids. */
export function compare({ audit, ledger, log, logSinceMs = 0, receipts, texts }: Accounts): Difference[] {
  const differences: Difference[] = [];
  const tell = (callId: string, kind: DifferenceKind, detail = ''): void => void differences.push({ callId, kind, detail });
  const recorded = byId(audit, (id) => tell(id, 'recorded_twice'));
  const billed = byId(ledger, (id) => tell(id, 'billed_twice'));
  for (const call of recorded.values()) compareCost(call, billed.get(call.id), tell);
  for (const { id } of billed.values()) if (!recorded.has(id)) tell(id, 'billed_without_record');
  if (log) compareLog(recorded, log, logSinceMs, tell);
  for (const receipt of receipts ?? []) compareReceipt(receipt, recorded.get(receipt.id), texts.get(receipt.id), tell);
  return differences.sort((left, right) => (left.callId < right.callId ? -1 : left.callId > right.callId ? 1 : 0));
}

type Tell = (callId: string, kind: DifferenceKind, detail?: string) => void;

function byId<Call extends { readonly id: string }>(calls: readonly Call[], onTwice: (id: string) => void): Map<string, Call> {
  const found = new Map<string, Call>();
  for (const call of calls) {
    if (found.has(call.id)) onTwice(call.id);
    found.set(call.id, call);
  }
  return found;
}

function compareCost({ id, status, costNano, overrunNano }: AuditedCall, item: BilledCall | undefined, tell: Tell): void {
  if (status === 'running') return tell(id, 'not_ended');
  if (!item) return NOT_BILLED.has(status) ? undefined : tell(id, 'not_billed', `status ${status}`);
  if (item.costNano !== costNano || item.overrunNano !== overrunNano) {
    tell(id, 'cost_differs', `audit ${costNano} and overrun ${overrunNano}, ledger ${item.costNano} and overrun ${item.overrunNano} nano-units`);
  }
}

function compareLog(recorded: ReadonlyMap<string, AuditedCall>, log: readonly LoggedCall[], sinceMs: number, tell: Tell): void {
  const logged = new Set<string>();
  for (const { id, ends, isLate } of log) {
    logged.add(id);
    if (ends > 1) tell(id, 'ended_twice', `${ends} ends`);
    if (!isLate && !recorded.has(id)) tell(id, 'logged_without_record');
  }
  for (const { id } of recorded.values()) if (!logged.has(id) && !(beganMs(id) < sinceMs)) tell(id, 'recorded_without_log');
}

/** That a call has no end on record yet is told by itself. */
const HAD_WHOLE: ReadonlySet<string> = new Set(['answered', 'running']);

function compareReceipt(receipt: Receipt, call: AuditedCall | undefined, text: RecordedText, tell: Tell): void {
  const { id, status, contents, isWhole } = receipt;
  if (!isAnswer(receipt)) return isRecordedRefusal(receipt) && !call ? tell(id, 'refused_without_record', `status ${status}`) : undefined;
  if (!contents.some((content) => content !== '') && !isWhole) return;
  if (!call) return tell(id, 'received_without_record', `${lengthOf(contents)} characters`);
  // The gateway sends the end of an answer when the log has acknowledged the call's, in its own epoch: neither a kill of the process
  // nor a client that leaves, nor the end of the epoch, can come in between and be on record in its place.
  if (isWhole && !HAD_WHOLE.has(call.status)) tell(id, 'received_whole_not_answered', `status ${call.status}`);
  if (text === undefined) return;
  contents.forEach((content, choice) => {
    const kept = text[choice] ?? '';
    if (!kept.startsWith(content)) tell(id, 'received_beyond_record', `choice ${choice}: ${content.length} characters received, ${kept.length} on record`);
    else if (isWhole && content.length < kept.length) tell(id, 'received_less_than_whole', `choice ${choice}: ${content.length} of ${kept.length} characters`);
  });
}

function lengthOf(contents: readonly string[]): number {
  return contents.reduce((sum, { length }) => sum + length, 0);
}
