import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Level } from '@sluice/proto/access/v1/access';
import type { Grant, Hold } from '@sluice/proto/billing/v1/billing';
import { CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { House, OWNER, Talk, until, type Running } from './testing/house.ts';
import { admitted, completed, countsOf, output, refused, type RecordedCall, type ScriptedProducer, type Tokens } from './testing/scripted-producer.ts';

/** Everything real but the process borders: PostgreSQL, the event log in it, the consumer, Nest. */
let house: House;
let running: Running;
let producer: ScriptedProducer;
let sql: ReturnType<House['sql']>;
beforeAll(async () => {
  house = await House.build();
  sql = house.sql('billing');
});
afterAll(async () => { await house[Symbol.asyncDispose](); });
beforeEach(async () => {
  running = await house.start();
  producer = await house.producer();
});
afterEach(async () => { await running.stop(); });

const nowMs = (): number => house.clock.wallMs();
const budget = async (level = Level.KEY) => (await running.billing.listBudgets({ organisationId: 'org' })).budgets.find((one) => one.level === level);
const moneyOf = async (level = Level.KEY) => {
  const found = await budget(level);
  return [found?.spentNano, found?.heldNano];
};
const setBudget = (amountNano: bigint, { level = Level.KEY, subjectId = 'key', period = 'month' } = {}) => running.billing.setBudget({ actor: OWNER, level, subjectId, amountNano, period });
const setPrice = (inputNano: bigint, outputNano: bigint, model = 'small') => running.billing.setPrice({ actor: OWNER, model, inputNano, outputNano });
const noFaults = async (): Promise<void> => {
  const { faults } = await running.billing.checkLedger({ organisationId: 'org' });
  expect(faults).toEqual([]);
};
const restart = async (): Promise<void> => {
  await running.stop();
  running = await house.start();
};
/** Another month, so that each test has budgets of its own. */
const nextMonth = (): void => house.clock.advance(32 * 86_400_000);

interface Held {
  readonly talk: Talk;
  readonly call: RecordedCall & { readonly hold: Hold };
  readonly grant: Grant;
}

async function hold(outputTokens = 10n, { inputTokensBound = 10n, keyId = 'key', from = producer } = {}): Promise<Held> {
  const talk = new Talk(running.billing);
  const callId = house.callId();
  const step = await talk.ask({
    case: 'hold',
    value: { $typeName: 'billing.v1.HoldRequest', callId, organisationId: 'org', projectId: 'proj', keyId, model: 'small', producer: from.name, epoch: from.epoch, inputTokensBound, outputTokens, outputTokensBound: 1000n, leastOutputTokens: 0n },
  });
  if (step.case !== 'grant') throw Object.assign(new Error('refused'), { step });
  return { talk, grant: step.value, call: { callId, keyId, admittedAtMs: nowMs(), hold: step.value.hold!, price: step.value.price } };
}
const settle = async ({ talk }: Held, tokens: Tokens) => {
  const step = await talk.ask({ case: 'settle', value: { $typeName: 'billing.v1.SettleRequest', counts: { $typeName: 'chat.v1.Counts', cachedInputTokens: 0n, reasoningTokens: 0n, estimated: false, ...countsOf(tokens) } } });
  return step.case === 'settlement' ? step.value : undefined;
};
const refusalOf = (asked: Promise<unknown>) => asked.then(() => undefined, ({ step }: { step?: unknown }) => step);
const append = (...records: Parameters<ScriptedProducer['segment']>[0]) => house.events.appendSegment(producer.segment(records));

describe('the way of a call with money', () => {
  it('holds at the price in force, extends, settles at once, and lands in the ledger once', async () => {
    nextMonth();
    const { price } = await setPrice(3n, 5n);
    await setBudget(200n);
    const held = await hold();
    expect(held.grant).toMatchObject({ price: { id: price!.id, inputNano: 3n, cachedInputNano: 3n, outputNano: 5n, reasoningNano: 5n, currency: 'USD' }, hold: { amountNano: 80n, limited: true, outputTokens: 10n }, affordableOutputTokens: 34n });
    expect(await moneyOf()).toEqual([0n, 80n]);
    expect(await held.talk.ask({ case: 'extend', value: { $typeName: 'billing.v1.ExtendRequest', outputTokens: 100n, inputTokens: 0n, leastOutputTokens: 0n } })).toMatchObject({ case: 'extension', value: { hold: { amountNano: 200n, outputTokens: 34n } } });
    expect(await refusalOf(hold(1n))).toMatchObject({ case: 'refusal', value: { level: Level.KEY, subjectId: 'key', period: 'month', amountNano: 200n, spentNano: 0n, heldNano: 200n } });
    const tokens = { input: 8n, output: 12n };
    expect(await settle(held, tokens)).toMatchObject({ costNano: 84n, overrunNano: 0n });
    expect(await moneyOf()).toEqual([84n, 0n]);
    await append(admitted(held.call), output(held.call, { input: 8n, output: 4n }), completed(held.call, tokens, { ...held.call.hold, amountNano: 200n }));
    const usage = () => running.billing.getUsage({ organisationId: 'org', groupBy: ['key', 'model'] });
    await until(usage, ({ rows }) => rows.length === 1);
    expect(await usage()).toMatchObject({ currency: 'USD', rows: [{ keyId: 'key', model: 'small', projectId: '', calls: 1n, inputTokens: 8n, outputTokens: 12n, costNano: 84n, overrunNano: 0n }] });
    expect(await moneyOf()).toEqual([84n, 0n]);
    await noFaults();
    await restart();
    expect(await moneyOf()).toEqual([84n, 0n]);
  });

  it('of ten clients at the end of a budget gives exactly what is there', async () => {
    nextMonth();
    await setPrice(3n, 5n);
    await setBudget(35n * 4n + 34n);
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => hold(1n)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    expect(await moneyOf()).toEqual([0n, 140n]);
    await noFaults();
  });

  it('uses a new price for new calls, and bills each at the one that it was given', async () => {
    nextMonth();
    await setBudget(10_000n);
    await setPrice(3n, 5n);
    const before = await hold();
    await setPrice(300n, 500n);
    const after = await hold();
    expect([before.call.hold.amountNano, after.call.hold.amountNano]).toEqual([80n, 8000n]);
    const tokens = { input: 10n, output: 1n };
    await append(admitted(before.call), admitted(after.call), completed(before.call, tokens), completed(after.call, tokens));
    const usage = () => running.billing.getUsage({ organisationId: 'org' });
    await until(usage, ({ rows }) => rows[0]!.calls === 2n);
    expect((await usage()).rows).toMatchObject([{ costNano: 35n + 3500n }]);
    const { prices } = await running.billing.listPrices({ organisationId: 'org', history: true });
    expect(prices.slice(0, 2)).toMatchObject([{ inputNano: 300n }, { inputNano: 3n }]);
    expect((await running.billing.listPrices({ organisationId: 'org' })).prices).toMatchObject([{ model: 'small', inputNano: 300n }]);
  });

  it('answers a hold that is asked again with the same hold, and a second settlement with the first', async () => {
    nextMonth();
    await setPrice(3n, 5n);
    await setBudget(100n);
    const held = await hold();
    const again = new Talk(running.billing);
    const { callId } = held.call;
    expect(await again.ask({ case: 'hold', value: { $typeName: 'billing.v1.HoldRequest', callId, organisationId: 'org', projectId: 'proj', keyId: 'key', model: 'small', producer: producer.name, epoch: producer.epoch, inputTokensBound: 10n, outputTokens: 10n, outputTokensBound: 0n, leastOutputTokens: 0n } })).toMatchObject({ case: 'grant', value: { hold: { amountNano: 80n } } });
    await settle(held, { input: 1n, output: 1n });
    expect(await settle(held, { input: 9n, output: 9n })).toMatchObject({ costNano: 8n });
    expect(await moneyOf()).toEqual([8n, 0n]);
  });

  it('refuses a step without a hold', async () => {
    await expect(new Talk(running.billing).ask({ case: 'extend', value: { $typeName: 'billing.v1.ExtendRequest', outputTokens: 1n, inputTokens: 0n, leastOutputTokens: 0n } })).rejects.toMatchObject({ code: 'failed_precondition' });
    const { talk } = await hold();
    await expect(talk.ask({ case: undefined })).rejects.toMatchObject({ code: 'invalid_value' });
  });
});

describe('money that was set aside', () => {
  const tokens = { input: 10n, output: 4n };
  const abandonedOf = ({ call }: Held, counted: Tokens) =>
    create(CallAbandonedSchema, { callId: call.callId, organisationId: 'org', projectId: 'proj', keyId: 'key', model: 'alias', producer: producer.name, epoch: producer.epoch, counts: countsOf(counted), admittedAtMs: BigInt(call.admittedAtMs) });
  const tell = (message: ReturnType<typeof abandonedOf>) => sql.transaction((transaction) => house.events.publish(transaction, CallAbandonedSchema, 'org', message));

  beforeEach(async () => {
    nextMonth();
    await setPrice(3n, 5n);
    await setBudget(1_000n);
  });

  it('comes back when the call was refused after all', async () => {
    const held = await hold();
    await append(refused(held.call));
    await until(moneyOf, ([, heldNano]) => heldNano === 0n);
    expect(await moneyOf()).toEqual([0n, 0n]);
  });

  it('comes back when the epoch is closed and the call is not in it, and not because time passes', async () => {
    await hold();
    const settled = await hold();
    await settle(settled, tokens);
    await settled.talk.leave();
    house.clock.advance(3_600_000);
    expect(await moneyOf()).toEqual([50n, 80n]);
    await house.events.closeEpoch(producer.name, producer.epoch);
    await until(moneyOf, ([spentNano, heldNano]) => spentNano === 0n && heldNano === 0n);
    await expect(hold()).rejects.toMatchObject({ code: 'epoch_lost' });
    producer = await house.producer();
    await hold();
  });

  it.each(['close first', 'told first', 'told twice'])('for a call that its process left behind is settled from what was durable, once: %s', async (order) => {
    const held = await hold();
    if (order === 'told first') await tell(abandonedOf(held, tokens));
    await append(admitted(held.call), output(held.call, tokens));
    await house.events.closeEpoch(producer.name, producer.epoch);
    if (order !== 'told first') await tell(abandonedOf(held, tokens));
    if (order === 'told twice') await tell(abandonedOf(held, tokens));
    await until(moneyOf, ([spentNano, heldNano]) => spentNano === 50n && heldNano === 0n);
    await restart();
    expect(await moneyOf()).toEqual([50n, 0n]);
    expect(await running.billing.getUsage({ organisationId: 'org' })).toMatchObject({ rows: [{ calls: 1n, costNano: 50n, outputTokens: 4n }] });
    await noFaults();
  });

  it('counts the usage of a call whose records were gone before billing came, at no price', async () => {
    const held = await hold();
    await house.events.closeEpoch(producer.name, producer.epoch);
    await until(moneyOf, ([, heldNano]) => heldNano === 0n);
    for (let time = 0; time < 2; time++) await tell(abandonedOf(held, tokens));
    await until(() => running.billing.getUsage({ organisationId: 'org', groupBy: ['model'] }), ({ rows }) => rows.length > 0);
    await restart();
    expect(await running.billing.getUsage({ organisationId: 'org', groupBy: ['model'] })).toMatchObject({ rows: [{ model: 'alias', calls: 1n, costNano: 0n, outputTokens: 4n }] });
    await noFaults();
  });

  it('survives a restart for calls that run, with their extensions', async () => {
    const held = await hold();
    await append(admitted(held.call), output(held.call, tokens, { ...held.call.hold, amountNano: 130n, outputTokens: 20n }));
    await restart();
    expect(await moneyOf()).toEqual([0n, 130n]);
    expect((await running.billing.checkLedger({ organisationId: 'org' }))).toMatchObject({ faults: [], heldNano: 130n, held: '130', billed: expect.stringMatching(/^\d+$/), overrun: '0' });
    await append(completed(held.call, { input: 10n, output: 20n }));
    await until(moneyOf, ([spentNano]) => spentNano === 130n);
    expect(await moneyOf()).toEqual([130n, 0n]);
    await noFaults();
  });

  it('is spent in the period of the hold, when the call ends in the next one', async () => {
    const held = await hold();
    nextMonth();
    expect(await moneyOf()).toEqual([0n, 0n]);
    // The gateway writes the record when it is the next month already.
    await append(admitted({ ...held.call, admittedAtMs: nowMs() }), completed(held.call, tokens));
    const day = Math.floor(held.call.admittedAtMs / 86_400_000);
    const usage = () => running.billing.getUsage({ organisationId: 'org', sinceDay: BigInt(day), untilDay: BigInt(day) });
    await until(usage, ({ rows }) => rows[0]!.calls === 1n);
    expect(await moneyOf()).toEqual([0n, 0n]);
    await noFaults();
  });

  it('above a limited hold is an overrun that the owner sees and no budget is charged for', async () => {
    const held = await hold();
    const far = { input: 10n, output: 500n };
    expect(await settle(held, far)).toMatchObject({ costNano: 2530n, overrunNano: 2450n });
    await append(admitted(held.call), completed(held.call, far));
    await until(() => budget(), (one) => one?.overrunNano === 2450n);
    expect(await moneyOf()).toEqual([80n, 0n]);
    expect(await running.billing.checkLedger({ organisationId: 'org' })).toMatchObject({ faults: [], calls: expect.any(BigInt) });
  });
});

describe('billing that is stopped again and again', () => {
  /** The same numbers in every run. */
  function numbersFrom(seed: number): (below: number) => number {
    let state = seed;
    return (below) => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) % below;
  }

  it('loses nothing, bills nothing twice, overspends nothing, and holds nothing at the end', async () => {
    nextMonth();
    await setPrice(3n, 5n);
    await setBudget(3_000n);
    const below = numbersFrom(7);
    const pending: { readonly held: Held; durable: Tokens | undefined }[] = [];
    let expected = 0n;
    let admittedCalls = 0n;
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.allSettled(Array.from({ length: 25 }, () => hold(10n)));
      for (const answer of answers) if (answer.status === 'fulfilled') pending.push({ held: answer.value, durable: undefined });
      const before = (await moneyOf()) as bigint[];
      expect(before[0]! + before[1]!).toBeLessThanOrEqual(3_000n);
      for (const one of pending.splice(0)) {
        const { call } = one.held;
        // Some calls have no record yet, some are refused, some have output, some end.
        const fate = below(5);
        if (one.durable === undefined && fate === 0) await append(refused(call));
        else if (one.durable === undefined && fate === 1) pending.push(one);
        else {
          const tokens = { input: 10n, output: (one.durable?.output ?? 0n) + BigInt(below(3)) };
          const first = one.durable ? [] : [admitted(call)];
          admittedCalls += one.durable ? 0n : 1n;
          if (fate < 4) {
            await append(...first, output(call, tokens));
            pending.push({ ...one, durable: tokens });
          } else {
            expected += 30n + 5n * tokens.output;
            await append(...first, completed(call, tokens));
          }
        }
      }
      // Holds without a record live in the memory of this process alone: their gateway ends with it.
      await restart();
      for (let at = pending.length - 1; at >= 0; at--) if (!pending[at]!.durable) pending.splice(at, 1);
      await noFaults();
    }
    for (const { durable } of pending) expected += 30n + 5n * durable!.output;
    await house.events.closeEpoch(producer.name, producer.epoch);
    await until(moneyOf, ([, heldNano]) => heldNano === 0n);
    expect(await moneyOf()).toEqual([expected, 0n]);
    expect(await running.billing.getUsage({ organisationId: 'org' })).toMatchObject({ rows: [{ calls: admittedCalls, costNano: expected }] });
    await noFaults();
  }, 60_000);
});

describe('billing that is not ready', () => {
  it('gives no money until all that was in the log is in the book', async () => {
    nextMonth();
    await setPrice(3n, 5n);
    await setBudget(120n);
    const held = await hold();
    await running.stop();
    await append(admitted(held.call), completed(held.call, { input: 10n, output: 10n }));
    await sql.query("CREATE FUNCTION no_item() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not yet'; END $$");
    await sql.query('CREATE TRIGGER no_item BEFORE INSERT ON item FOR EACH STATEMENT EXECUTE FUNCTION no_item()');
    running = await house.startClosed();
    await expect(hold()).rejects.toMatchObject({ code: 'billing_unavailable', retryAfterSeconds: 1 });
    await expect(running.billing.listBudgets({ organisationId: 'org' })).rejects.toMatchObject({ code: 'billing_unavailable' });
    expect(running.platform.health.report()).toMatchObject({ status: 'degraded' });
    await sql.query('DROP TRIGGER no_item ON item');
    await until(() => running.platform.health.report().status, (status) => status === 'ok');
    expect(await moneyOf()).toEqual([80n, 0n]);
    expect((await hold()).grant).toMatchObject({ hold: { amountNano: 40n, outputTokens: 2n } });
  });
});
