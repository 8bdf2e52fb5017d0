import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { chunk, streamedChat, usageChunk, usageOf, type Script } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { eventually, type House } from './house.ts';
import { MODEL, scriptedModel } from './scripted-model.ts';
import { makeTenant, sluiceJson, type Tenant } from './tenant.ts';

const INPUT_NANO = 7;
const OUTPUT_NANO = 13;
const AMOUNT = 1_000_000;
/** Tokens of a report that nobody asked for. */
const HIDDEN = 5000;

interface Sums {
  readonly billed: string;
  readonly overrun: string;
}

interface ListedCall {
  readonly cost_nano: string;
  readonly overrun_nano: string;
}

/** An answer of five tokens whose backend reports as many as it likes. */
const reporting = (tokens: number): Script => ({ steps: [...['The', ' answer', ' is', ' 42', '.'].map((content) => ({ event: chunk({ content }) })), { event: chunk({}, { finish_reason: 'stop' }) }, { event: usageChunk(usageOf(7, tokens)) }, { event: '[DONE]' }] });

const sumOf = (calls: readonly ListedCall[], name: keyof ListedCall): string => String(calls.reduce((sum, call) => sum + BigInt(call[name]), 0n));

export function reconciliationScenarios(at: () => House): void {
  describe('what calls cost', () => {
    const upstream = scriptedModel(at);
    let tenant: Tenant;

    beforeAll(async () => {
      await sluiceJson(at(), 'price', 'set', MODEL, '--input', String(INPUT_NANO), '--output', String(OUTPUT_NANO));
      tenant = await makeTenant(at(), 'reconciliation');
      await sluiceJson(at(), 'budget', 'set', '--key', tenant.keyId, '--amount', String(AMOUNT), '--period', 'day');
    });

    const audited = async (...of: string[]): Promise<Sums> => {
      const { data } = await sluiceJson<{ data: ListedCall[] }>(at(), 'audit', 'list', '--limit', '10000', ...of);
      return { billed: sumOf(data, 'cost_nano'), overrun: sumOf(data, 'overrun_nano') };
    };
    const used = async (...of: string[]): Promise<Sums> => {
      const { data } = await sluiceJson<{ data: { cost: string; overrun: string }[] }>(at(), 'usage', '--by', 'none', '--since', '2020-01-01', ...of);
      return { billed: data[0]!.cost, overrun: data[0]!.overrun };
    };
    const booked = async (): Promise<Sums> => sluiceJson<{ billed: string; overrun: string }>(at(), 'ledger', 'check').then(({ billed, overrun }) => ({ billed, overrun }));
    const counted = async (): Promise<Sums & { held: string }> => {
      const budget = (await sluiceJson<{ id: string; spent: string; overrun: string; held: string }[]>(at(), 'budget', 'show')).find(({ id }) => id === tenant.keyId)!;
      return { billed: budget.spent, overrun: budget.overrun, held: budget.held };
    };

    it('is one sum in audit, usage, budget and ledger, to the nano, also of calls whose backend reports what nobody asked for', async () => {
      for (const script of [streamedChat(), reporting(5), reporting(HIDDEN), reporting(5)]) {
        upstream().next(script);
        expect(await ask(at(), { max_tokens: 5, stream: true, stream_options: { include_usage: true } }, { key: tenant.key })).toMatchObject({ status: 200 });
      }
      const sums = await eventually(async () => {
        const [calls, usage, budget] = await Promise.all([audited('--key', tenant.keyId), used('--key', tenant.keyId), counted()]);
        return budget.held === '0' && usage.billed === calls.billed && BigInt(calls.overrun) > 0n && { calls, usage, budget };
      });
      expect(sums).toEqual({ calls: sums.usage, usage: sums.usage, budget: { ...sums.usage, held: '0' } });
      expect(BigInt(sums.usage.billed)).toBeLessThan(BigInt(AMOUNT));

      const [dearest] = (await sluiceJson<{ data: (ListedCall & { id: string })[] }>(at(), 'audit', 'list', '--key', tenant.keyId)).data.filter(({ overrun_nano }) => overrun_nano !== '0');
      const { cost_nano, overrun_nano } = dearest!;
      expect(BigInt(cost_nano) + BigInt(overrun_nano)).toBe(BigInt(7 * INPUT_NANO + HIDDEN * OUTPUT_NANO));
      expect(await endedCall(at(), dearest!.id)).toMatchObject({ cost_nano, overrun_nano, governed: { cost_nano, overrun_nano } });
      expect((await at().command('audit', 'show', dearest!.id)).stdout).toMatch(new RegExp(`^cost +${cost_nano} nano-USD without the overrun .*\\n(.*\\n)?overrun +${overrun_nano} `, 'm'));
      await eventually(async () => (await at().command('audit', 'verify', dearest!.id)).code === 0);
    }, 120_000);

    it('is compared with what clients had by `sluice reconcile`, which finds an answer that was told otherwise', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-receipts-'));
      try {
        const { id, body } = await ask(at(), {}, { key: tenant.key });
        const { content } = (body as { choices: { message: { content: string } }[] }).choices[0]!.message;
        const file = join(folder, 'receipts.jsonl');
        await writeFile(file, JSON.stringify({ id, status: 200, content, whole: true }));
        const { brokers } = at();
        const log = brokers === undefined ? [] : ['--kafka', brokers];
        expect(await at().command('reconcile', '--receipts', file, ...log)).toMatchObject({ code: 0, stdout: expect.stringMatching(brokers === undefined ? /No difference\./ : /calls on Kafka\.\nNo difference\./) });
        if (brokers !== undefined) {
          const early = await at().command('reconcile', '--since', '2020-01-01', ...log);
          expect(early).toMatchObject({ code: 0, stdout: expect.stringMatching(/The event log on Kafka begins at \d{4}-\S+Z: calls that began before were compared without it\.\nNo difference\./) });
        }
        await writeFile(file, JSON.stringify({ id, status: 200, content: `${content} And more.`, whole: true }));
        expect(await at().command('reconcile', '--receipts', file, '--wait', '0')).toMatchObject({ code: 1, stdout: expect.stringContaining('a client had text that is not on record') });
      } finally {
        await rm(folder, { recursive: true });
      }
    }, 120_000);

    it('adds up over everything that the house has answered', async () => {
      const sums = await eventually(async () => {
        const [calls, usage, ledger] = await Promise.all([audited(), used(), booked()]);
        return JSON.stringify(calls) === JSON.stringify(usage) && JSON.stringify(usage) === JSON.stringify(ledger) && { calls, usage, ledger };
      });
      expect(BigInt(sums.ledger.overrun)).toBeGreaterThan(0n);
    }, 120_000);
  });
}
