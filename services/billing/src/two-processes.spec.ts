import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, type Clock } from '@sluice/clock';
import type { ServiceError } from '@sluice/errors';
import { Level } from '@sluice/proto/access/v1/access';
import { House, OWNER, Talk, until, type Running } from './testing/house.ts';

/** Two processes on one real database, as with a restart that overlaps, or two data folders with one `DATABASE_URL`. */
let house: House;
let one: Running;
let two: Running;
/** Time runs five times as fast for both: what starts beside a keeper waits some seconds for the book. */
const HASTE = 5;
let clock: Clock;
beforeAll(async () => {
  house = await House.build();
  clock = { ...systemClock, wallMs: () => house.clock.wallMs(), monotonicMs: () => systemClock.monotonicMs() * HASTE, after: (delayMs, run) => systemClock.after(delayMs / HASTE, run) };
  one = await house.start({ clock });
  await one.billing.setPrice({ actor: OWNER, model: 'small', inputNano: 1n, outputNano: 1n });
  await setBudget(one, 100n);
  two = await house.startClosed({ clock });
});
afterAll(async () => {
  await one.stop();
  await two.stop();
  await house[Symbol.asyncDispose]();
});

const setBudget = ({ billing }: Running, amountNano: bigint) => billing.setBudget({ actor: OWNER, level: Level.KEY, subjectId: 'key', amountNano, period: 'day' });
const health = ({ platform }: Running) => platform.health.report();
const ask = (talk: Talk, producer: string) =>
  talk.ask({ case: 'hold', value: { $typeName: 'billing.v1.HoldRequest', callId: house.callId(), organisationId: 'org', projectId: 'proj', keyId: 'key', model: 'small', producer, epoch: 9n, inputTokensBound: 0n, outputTokens: 60n, outputTokensBound: 60n, leastOutputTokens: 0n } });
/** Cuts the connection by which a book is kept, as a network or a server may. */
const cut = async (): Promise<void> => {
  const cuts = await house.sql('public').query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = hashtextextended('sluice billing book', 0)");
  expect(cuts).toHaveLength(1);
};

describe('two processes of billing on one database', () => {
  it('do not give the same money twice: one keeps the book, and the other says so', async () => {
    expect((await ask(new Talk(one.billing), 'g1')).case).toBe('grant');
    await expect(ask(new Talk(two.billing), 'g2')).rejects.toMatchObject({ code: 'billing_unavailable', retryAfterSeconds: 1 });
    await expect(setBudget(two, 1n)).rejects.toMatchObject({ code: 'billing_unavailable' });
    await expect(two.billing.setPrice({ actor: OWNER, model: 'small', inputNano: 9n, outputNano: 9n })).rejects.toMatchObject({ code: 'billing_unavailable' });
    expect([health(one).status, JSON.stringify(health(two))]).toEqual(['ok', expect.stringContaining('Another process keeps the book')]);
  });

  it('keep what is held when the connection of the only one breaks, and give nothing out beside it', async () => {
    await two.stop();
    const talk = new Talk(one.billing);
    expect(await ask(talk, 'g1')).toMatchObject({ case: 'grant', value: { hold: { outputTokens: 40n } } });
    await cut();
    await until(() => house.sql('billing').query<{ term: bigint }>('SELECT term FROM book_term'), ([row]) => row?.term === 2n);
    expect(await ask(new Talk(one.billing), 'g1')).toMatchObject({ case: 'refusal', value: { heldNano: 100n } });
    expect(await talk.ask({ case: 'extend', value: { $typeName: 'billing.v1.ExtendRequest', outputTokens: 60n, inputTokens: 0n, leastOutputTokens: 0n } })).toMatchObject({ case: 'extension', value: { hold: { outputTokens: 40n } } });
  });

  it('take over from each other, with the budgets as the other has left them', async () => {
    two = await house.startClosed({ clock });
    expect(health(two).status).toBe('degraded');
    // A machine that stands still for seconds costs it the book, for a while.
    await until(() => setBudget(one, 30n).then(() => 'set', ({ code }: ServiceError) => code), (outcome) => outcome === 'set');
    const talk = new Talk(one.billing);
    await one.stop();
    await until(() => health(two).status, (status) => status === 'ok');
    await expect(ask(talk, 'g1')).rejects.toMatchObject({ code: 'billing_unavailable' });
    // What was held and never recorded was one's own; the cap is the one that it set last.
    expect(await ask(new Talk(two.billing), 'g2')).toMatchObject({ case: 'grant', value: { hold: { outputTokens: 30n } } });
    expect((await two.billing.checkLedger({ organisationId: 'org' })).faults).toEqual([]);
  });
});
