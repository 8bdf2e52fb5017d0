import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { streamedChat } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { databaseScenario } from './database.scenario.ts';
import { admin, eventually } from './house.ts';
import { medianOfFive } from './median-of-five.ts';
import type { MeshHouse } from './mesh-house.ts';
import { publishedRecordsScenario } from './published-records.scenario.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';

/** A service is back within seconds; on the machine of a test others are busy too. */
const BACK_WITHIN_MS = 60_000;
/** What one door changed is live at the others. */
const LIVE_WITHIN_MS = 1_000;
const CLIENTS = 16;
/** Processes whose supervisor is gone end after the calls that they have under way. */
const ORPHANS_END_MS = 60_000;

/** What holds of a mesh besides: that it is made of processes. That each of them is started again, and loses nothing, is seen in deploy/chaos, where each is killed under load. */
export function meshScenarios(at: () => MeshHouse): void {
  describe('processes', () => {
    const upstream = scriptedModel(at);
    /** Every process of the data plane serves. */
    const ready = () => eventually(async () => (await Promise.all(at().doors.map(async (door) => (await fetch(`${door}/readyz`)).status))).every((status) => status === 200), BACK_WITHIN_MS);
    /** What is changed, and whether a door knows of it. */
    const changes = [
      {
        of: 'an alias',
        make: async (name: string) => expect(await admin(at(), 'PUT', `/aliases/${name}`, { model: MODEL })).toMatchObject({ status: 200 }),
        isKnown: async (door: string, name: string) => (await fetch(`${door}/v1/models/${name}`, { headers: { authorization: `Bearer ${at().apiKey}` } })).status === 200,
      },
      {
        of: 'a rule of the filter',
        make: async (name: string) => {
          const { status, body } = await admin<{ id: string }>(at(), 'POST', '/filter/rules', { kind: 'regex', patterns: [name], direction: 'in' });
          expect(status).toBe(201);
          rules.push(body.id);
        },
        isKnown: async (door: string, name: string) => (await ask(at(), { messages: [{ role: 'user', content: name }] }, { door })).status === 400,
      },
    ];
    const rules: string[] = [];
    afterEach(async () => {
      for (const id of rules.splice(0)) await admin(at(), 'DELETE', `/filter/rules/${id}`);
    });

    it('are one for each service and two for the data plane, which answer at one address', async () => {
      expect(Object.keys(at().pids).toSorted()).toEqual(['access', 'audit', 'billing', 'content-filter-rules', 'data-plane-1', 'data-plane-2', 'local-engine', 'model-registry']);
      const producers = new Set<string>();
      // At once, so that each has a connection of its own: one that is kept stays with its process.
      await eventually(async () => {
        const answers = await Promise.all(Array.from({ length: CLIENTS }, () => ask(at())));
        for (const { id } of answers) {
          const { segments } = (await endedCall(at(), id)) as unknown as { segments: { producer: string }[] };
          for (const { producer } of segments) producers.add(producer);
        }
        return producers.size === 2;
      });
    });

    it('of the data plane have neither the database nor the root key', () => {
      const given = (setting: string): string[] => Object.entries(at().pids).filter(([, pid]) => readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').some((one) => one.startsWith(`${setting}=`))).map(([name]) => name).toSorted();
      expect([given('DATABASE_URL'), given('SLUICE_ROOT_KEY_FILE')]).toEqual([['access', 'audit', 'billing', 'content-filter-rules', 'model-registry'], ['access', 'audit', 'content-filter-rules', 'model-registry']]);
    });

    it('of the data plane fall one by one: a stream of the other goes on to its end', async () => {
      await ready();
      upstream().next(streamedChat({ pieces: Array.from({ length: 300 }, (_, index) => ` w${index}`), gapMs: 5 }));
      const reader = new StreamReader({ url: at().doors[1]!, apiKey: at().apiKey }, { model: MODEL, messages: MESSAGES });
      await reader.characters(20);
      process.kill(at().pids['data-plane-1']!, 'SIGKILL');
      await reader.ended;
      expect(reader.done).toBe(true);
    }, 120_000);

    it.each(changes)('hear within a second of what was changed through any of them, $of: so at least the median of five changes', async ({ make, isKnown }) => {
      await ready();
      const { heardMs } = await medianOfFive(async (change) => {
        await make(`heard-${change}`);
        const changedMs = performance.now();
        await eventually(async () => (await Promise.all(at().doors.map((door) => isKnown(door, `heard-${change}`)))).every(Boolean));
        return { heardMs: performance.now() - changedMs };
      });
      expect(heardMs).toBeLessThan(LIVE_WITHIN_MS);
    });

    databaseScenario(at, upstream);

    publishedRecordsScenario(at);

    it('belong to one supervisor: a second one on their data is refused, and when theirs is killed they end', async () => {
      const { code, stderr } = await at().command('mesh', 'up', '--data', at().dataFolder, '--stack', at().stackFolder, '--port', '0', '--admin-port', '0', '--no-model');
      expect([code, stderr]).toEqual([1, expect.stringContaining('in use by process')]);
      const pids = Object.values(at().pids);
      await at().killSupervisor();
      await eventually(async () => pids.every((pid) => !at().isThere(pid)), ORPHANS_END_MS);
      await at().start();
      await eventually(async () => (await ask(at())).status === 200);
    }, 240_000);
  });
}
