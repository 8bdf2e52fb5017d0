/**
 * `node --conditions=@sluice/source --import ./deploy/host/source-loader.mjs deploy/bench/src/holds.ts`: rounds of hold,
 * settlement and end a second through the book of budgets, at three levels, as a ratio to plain updates of a Map in the
 * same run; then the same as the gateway asks for it, by the rpc in process. Everything is in memory and in one process.
 */
import { BudgetBook } from '@sluice/billing/book';
import { spend } from '@sluice/billing/spend';
import { systemClock } from '@sluice/clock';
import { AnswerDeadlines } from '@sluice/gateway/answer-deadlines';
import { BillingClient } from '@sluice/gateway/billing-client';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { InProcessTransport, type Implementation } from '@sluice/rpc';
import { silentLogger } from '@sluice/telemetry';

const ROUNDS = 200_000;
const TURNS = 5;
const CALLS_AT_ONCE = 256;
const DAY = 20_000;
const subjects = [{ level: 'organisation', id: 'org' }, { level: 'project', id: 'proj' }, { level: 'key', id: 'key' }];
const price = { id: 'price', model: 'small', currency: 'USD', validFromMs: 0, inputNano: 3n, cachedInputNano: 1n, outputNano: 5n, reasoningNano: 5n };
const principal = { organisationId: 'org', projectId: 'proj', keyId: 'key', models: [], keepsBodies: true };
const counts = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 8n, reasoningTokens: 0n };

/** Rounds a second of the fastest of some turns: the others had a neighbour. */
function fastest(turn: () => void): number {
  let best = 0;
  for (let at = 0; at < TURNS; at++) {
    const startedMs = performance.now();
    turn();
    best = Math.max(best, (ROUNDS * 1000) / (performance.now() - startedMs));
  }
  return best;
}

function capped(budgets: BudgetBook): void {
  for (const subject of subjects) budgets.account(subject).setCap({ amountNano: 10n ** 15n, period: 'month', sinceDay: 0, baselineNano: 0n });
}

const plain = fastest(() => {
  const held = new Map<string, bigint>();
  for (let at = 0; at < ROUNDS; at++) {
    held.set(`call ${at}`, 80n);
    if (at >= CALLS_AT_ONCE) held.delete(`call ${at - CALLS_AT_ONCE}`);
  }
});

const book = fastest(() => {
  const budgets = new BudgetBook();
  capped(budgets);
  for (let at = 0; at < ROUNDS; at++) {
    const answer = budgets.hold({ callId: `call ${at}`, subjects, price, day: DAY, producer: 'gateway', epoch: 1n, inputTokensBound: 10n, outputTokens: 10n, outputTokensBound: 100n, leastOutputTokens: 0n });
    if ('cap' in answer) throw new Error('the budget of the measurement is used up');
    if (at < CALLS_AT_ONCE) continue;
    const callId = `call ${at - CALLS_AT_ONCE}`;
    const { costNano } = budgets.settle(callId, counts);
    budgets.end({ callId, subjects, day: DAY, spentNano: costNano });
  }
});

/** Calls by the gateway's own client, so many at once. */
async function byRpc(): Promise<number> {
  const budgets = new BudgetBook();
  capped(budgets);
  const transport = new InProcessTransport();
  const always = (): void => undefined;
  const asked = spend({ book: budgets, prices: { priceOf: () => price }, clock: systemClock, requireBook: always, requireReady: always, onRefusal: always });
  transport.serve(BillingService, { spend: asked } as Implementation<typeof BillingService>);
  const deadlines = new AnswerDeadlines(systemClock);
  const client = new BillingClient(transport.connect(BillingService), deadlines, silentLogger);
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < ROUNDS) {
      const callId = `call ${next++}`;
      const talk = client.begin();
      await talk.hold({ callId, principal, modelName: 'small', producer: 'gateway', epoch: 1n, inputTokensBound: 10, outputTokens: 10, outputTokensBound: 100, leastOutputTokens: 0 });
      await talk.settle({ ...counts, estimated: false });
      talk.end();
      budgets.end({ callId, subjects, day: DAY, spentNano: 70n });
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, caller));
  return (ROUNDS * 1000) / (performance.now() - startedMs);
}
let rpc = 0;
for (let at = 0; at < TURNS; at++) rpc = Math.max(rpc, await byRpc());

process.stdout.write(`Map: ${Math.round(plain)} updates a second\nbook: ${Math.round(book)} rounds a second, ${(plain / book).toFixed(1)} updates of a Map each\nrpc: ${Math.round(rpc)} rounds a second, ${(book / rpc).toFixed(1)} of the book each\n`);
