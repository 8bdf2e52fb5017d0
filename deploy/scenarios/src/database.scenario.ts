import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { Reconciliation } from '@sluice/cli';
import { streamedChat, type ScriptedUpstream } from '@sluice/testkit';
import { ask, type Answer } from './ask.ts';
import { eventually } from './house.ts';
import type { MeshHouse } from './mesh-house.ts';
import { MESSAGES, MODEL } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';
import { makeTenant, sluiceJson } from './tenant.ts';

/** Longer than the 5 s that billing believes in its book without a word, and the 15 s after which the server ends an idle transaction. */
const FROZEN_MS = 5_500;
/** With the time before longer than the 30 s after which copies that hear nothing are not used. */
const AWAY_MS = 27_000;
/** Calls go on also in the moment in which everything that waited is taken in. */
const BACK_MS = 3_000;
const ASK_EVERY_MS = 250;
const STREAM_GAP_MS = 20;
const WORDS = Array.from({ length: (FROZEN_MS + AWAY_MS) / STREAM_GAP_MS }, (_, index) => ` w${index}`);
const OUTPUT_NANO = 11;
const AMOUNT = 1_000_000_000;

/** Without the database of a mesh that has its log on Kafka. */
export function databaseScenario(at: () => MeshHouse, upstream: () => ScriptedUpstream): void {
  const change = (): Promise<Response> => fetch(`${at().adminUrl}/admin/v1/aliases/while-away`, {
    method: 'PUT', headers: { authorization: `Bearer ${at().adminKey}`, 'content-type': 'application/json' }, body: JSON.stringify({ model: MODEL }), signal: AbortSignal.timeout(30_000),
  });
  const refusesChanges = async (): Promise<void> => {
    const answer = await change();
    expect({ status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() }).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^\d+$/), body: { error: { code: expect.stringMatching(/unavailable$/) } } });
  };

  it('go on with calls while the database is frozen and then gone; changes get 503 with Retry-After; when it is back, each call is in the ledger once', async () => {
    const since = new Date().toISOString();
    await sluiceJson(at(), 'price', 'set', MODEL, '--input', '0', '--output', String(OUTPUT_NANO));
    const tenant = await makeTenant(at(), 'database');
    await sluiceJson(at(), 'budget', 'set', '--key', tenant.keyId, '--amount', String(AMOUNT), '--period', 'day');
    upstream().next(streamedChat({ pieces: WORDS, gapMs: STREAM_GAP_MS }));
    const stream = new StreamReader(at(), { model: MODEL, messages: MESSAGES }, tenant.key);
    await stream.characters(50);
    const answers: Answer[] = [];
    const callUntil = async (endMs: number): Promise<void> => {
      for (; performance.now() < endMs; await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))) answers.push(await ask(at(), {}, { key: tenant.key }));
    };

    at().database.pause();
    const startMs = performance.now();
    await Promise.all([callUntil(startMs + FROZEN_MS), refusesChanges()]);
    at().database.kill();
    await Promise.all([callUntil(startMs + FROZEN_MS + AWAY_MS), refusesChanges()]);
    await at().database.start();
    await callUntil(performance.now() + BACK_MS);
    await stream.ended;

    expect(answers.filter(({ status }) => status !== 200).map(({ status, error }) => [status, error.code])).toEqual([]);
    expect({ done: stream.done, text: stream.text }).toEqual({ done: true, text: WORDS.join('') });
    await eventually(async () => (await change()).status === 200);
    const receipts = [{ id: stream.id!, status: 200, content: stream.text, whole: true }, ...answers.map(({ id, status }) => ({ id, status, content: 'The answer is 42.', whole: true }))];
    const folder = await mkdtemp(join(tmpdir(), 'receipts-'));
    await writeFile(join(folder, 'receipts'), receipts.map((receipt) => `${JSON.stringify(receipt)}\n`).join(''));
    const found = await sluiceJson<Reconciliation>(at(), 'reconcile', '--since', since, '--receipts', join(folder, 'receipts'), '--wait', '60');
    await rm(folder, { recursive: true });
    expect(found).toMatchObject({ calls: receipts.length, receipts: receipts.length, ledger_items: receipts.length, held: '0', differences: [], faults: [] });
    expect((await at().command('audit', 'verify', '--json')).code).toBe(0);
  }, 180_000);
}
