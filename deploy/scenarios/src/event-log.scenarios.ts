import { afterEach, describe, expect, it } from '@jest/globals';
import { streamedChat } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { eventually, type House } from './house.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader, streamsAgain } from './stream-reader.ts';

const LONG = Array.from({ length: 20_000 }, (_, index) => ` w${index}`);

const pauseFor = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A stream counts as standing still when nothing came for this long; all of it must fit into the 5 s after which it is ended. */
const REST_MS = 300;
const REST_LIMIT_MS = 2500;

/** What has arrived when nothing more comes. */
async function atRest(reader: StreamReader): Promise<string> {
  for (let waitedMs = 0; waitedMs < REST_LIMIT_MS; waitedMs += REST_MS) {
    const before = reader.text;
    await pauseFor(REST_MS);
    if (reader.text === before) return before;
  }
  throw new Error('the stream goes on');
}

export function eventLogScenarios(at: () => House): void {
  describe('the event log', () => {
    const upstream = scriptedModel(at);
    const stream = () => new StreamReader(at(), { model: MODEL, messages: MESSAGES });
    // What failed must not leave it paused for all that follows.
    afterEach(() => at().eventLog.resume());

    it('when it stands still, nothing leaves; when it goes on soon, the stream goes on', async () => {
      upstream().next(streamedChat({ pieces: LONG.slice(0, 400), gapMs: 5 }));
      const reader = stream();
      await reader.characters(50);
      at().eventLog.pause();
      // What was acknowledged before is on its way.
      const before = await atRest(reader);
      await pauseFor(1000);
      expect(reader.text).toBe(before);
      at().eventLog.resume();
      await reader.ended;
      expect({ done: reader.done, text: reader.text }).toEqual({ done: true, text: LONG.slice(0, 400).join('') });
    });

    it('when it is away, new calls get 503 with Retry-After, running streams end with an error, and it comes back by itself', async () => {
      upstream().next(streamedChat({ pieces: LONG, gapMs: 5 }));
      const reader = stream();
      await reader.characters(50);
      at().eventLog.pause();
      const refused = await eventually(async () => {
        const answer = await ask(at(), {}, { signal: AbortSignal.timeout(8000) });
        return answer.status === 503 && answer;
      });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(refused.error.code).toBe('audit_log_unavailable');
      await reader.ended;
      expect(reader.done).toBe(false);
      expect(reader.error).toBeDefined();
      at().eventLog.resume();
      await streamsAgain(at());
      const call = await endedCall(at(), reader.id!);
      expect(call.choices[0]!.content!.startsWith(reader.text)).toBe(true);
    }, 240_000);

    it('when it stands still, every door says that its copies grow old and how old they are, and that they are fresh again when it goes on', async () => {
      const healths = () => Promise.all(at().doors.map(async (door) => (await fetch(`${door}/readyz`)).json() as Promise<{ status: string; checks: Readonly<Record<string, { detail?: string }>> }>));
      await eventually(async () => (await healths()).every(({ status }) => status === 'ok'));
      at().eventLog.pause();
      const old = await eventually(async () => {
        const seen = await healths();
        return seen.every(({ status, checks }) => status === 'degraded' && /\d+ ms old/.test(Object.values(checks).map(({ detail }) => detail ?? '').join())) && seen;
      });
      expect(old).toHaveLength(at().doors.length);
      at().eventLog.resume();
      await eventually(async () => (await healths()).every(({ status }) => status === 'ok'));
      await eventually(async () => (await ask(at())).status === 200);
    }, 240_000);
  });
}

/** Of a house whose event log has one server. The faults of a mesh, where each server is killed under load and all is compared afterwards, are in deploy/chaos. */
export function killedEventLogScenario(at: () => House): void {
  describe('the server of the event log', () => {
    const upstream = scriptedModel(at);

    it('is killed and comes back, and no answer that was given is missing', async () => {
      upstream().next(streamedChat({ pieces: LONG.slice(0, 600), gapMs: 5 }));
      const reader = new StreamReader(at(), { model: MODEL, messages: MESSAGES });
      await reader.characters(50);
      at().eventLog.kill();
      await reader.ended;
      await streamsAgain(at());
      const call = await endedCall(at(), reader.id!);
      expect(call.choices[0]!.content!.startsWith(reader.text)).toBe(true);
    }, 240_000);
  });
}
