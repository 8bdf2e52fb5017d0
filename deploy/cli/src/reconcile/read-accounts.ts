import { call, ledgerItem, listOf, recordedCall } from '../platform-api/answers.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { isAnswer, type AuditedCall, type BilledCall, type Receipt, type RecordedText } from './accounts.ts';
import { beganIn, widened, type Window } from './window.ts';

const CALLS_PAGE = 100;
const ITEMS_PAGE = 1_000;
/**
 * The audit lists calls by the moment at which they were let in or refused. That lies behind the beginning of the call by
 * what its body (a minute at most), its checks and its count of tokens took, or before it where the clock was set.
 */
const ADMISSION_MS = 300_000;
/** Bodies are asked for one by one, several at once. */
const BODIES_AT_ONCE = 8;
/** A comparison of more is made in parts: all of it is held in memory. */
export const MAX_CALLS = 1_000_000;

export async function readAudit(api: HttpApi, window: Window): Promise<AuditedCall[]> {
  const calls: AuditedCall[] = [];
  const asked = widened(window, ADMISSION_MS);
  let after: string | undefined;
  let hasMore = true;
  while (hasMore && calls.length <= MAX_CALLS) {
    const page = await api.get('/audit/calls', listOf(call), { ...asked, limit: CALLS_PAGE, after });
    after = page.data.at(-1)?.id;
    const began = page.data.filter(({ id }) => beganIn(window, id));
    calls.push(...began.map(({ id, status, cost_nano, overrun_nano }) => ({ id, status, costNano: BigInt(cost_nano ?? 0), overrunNano: BigInt(overrun_nano ?? 0) })));
    hasMore = page.has_more && page.data.length > 0;
  }
  return calls;
}

/** Whether the audit waits for the end of any call, whenever it began. */
export async function anyRuns(api: HttpApi): Promise<boolean> {
  const { data } = await api.get('/audit/calls', listOf(call), { status: 'running', limit: 1 });
  return data.length > 0;
}

export async function readLedger(api: HttpApi, window: Window): Promise<BilledCall[]> {
  const items: BilledCall[] = [];
  let hasMore = true;
  while (hasMore && items.length <= MAX_CALLS) {
    const page = await api.get('/ledger/items', listOf(ledgerItem), { ...window, limit: ITEMS_PAGE, after: items.at(-1)?.id });
    items.push(...page.data.map(({ call_id, cost_nano, overrun_nano }) => ({ id: call_id, costNano: BigInt(cost_nano), overrunNano: BigInt(overrun_nano) })));
    hasMore = page.has_more && page.data.length > 0;
  }
  return items;
}

/** The recorded text of every call that a client has some of; of a call that is not on record there is none. */
export async function readTexts(api: HttpApi, receipts: readonly Receipt[], recorded: ReadonlySet<string>): Promise<Map<string, RecordedText>> {
  const texts = new Map<string, RecordedText>();
  const waiting = receipts.filter((receipt) => isAnswer(receipt) && receipt.contents.length > 0 && recorded.has(receipt.id));
  const reader = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { bodies, choices } = await api.get(`/audit/calls/${next.id}`, recordedCall);
      texts.set(next.id, bodies === 'kept' ? textsOf(choices) : undefined);
    }
  };
  await Promise.all(Array.from({ length: BODIES_AT_ONCE }, reader));
  return texts;
}

function textsOf(choices: readonly { readonly index: number; readonly content: string | null }[]): string[] {
  const texts: string[] = [];
  for (const { index, content } of choices) texts[index] = content ?? '';
  return Array.from(texts, (text) => text ?? '');
}
