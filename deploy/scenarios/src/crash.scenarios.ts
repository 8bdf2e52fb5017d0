import { describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, streamedChat } from '@sluice/testkit';
import { callsWith, endedCall } from './audited-call.ts';
import { MODEL, addModel } from './chat.scenarios.ts';
import { admin, eventually, type House } from './house.ts';
import { StreamReader } from './stream-reader.ts';

const ROUNDS = 20;
const STREAMS = 50;
const PIECES = 4000;
/** Latest moment of a kill after the first token, in milliseconds. */
const KILL_WITHIN_MS = 1500;

export function crashScenarios(at: () => House): void {
  describe('kill -9', () => {
    it(`of everything in the middle of ${STREAMS} streams, ${ROUNDS} times: the audit holds every character that a client received`, async () => {
      await using upstream = await ScriptedUpstream.start();
      await addModel(at(), upstream);
      for (let round = 0; round < ROUNDS; round++) await killInMidStream(at(), upstream, round);
      await admin(at(), 'DELETE', `/models/${MODEL}`);
    }, 600_000);
  });
}

async function killInMidStream(house: House, upstream: ScriptedUpstream, round: number): Promise<void> {
  upstream.always((request) => {
    const name = /stream \d+/.exec(request.body.toString())?.[0] ?? 'stream';
    return streamedChat({ pieces: Array.from({ length: PIECES }, (_, index) => ` ${name}.${index}`), gapMs: 3 });
  });
  const readers = Array.from({ length: STREAMS }, (_, index) => new StreamReader(house, { model: MODEL, messages: [{ role: 'user', content: `stream ${index}` }] }));
  await readers[0]!.characters(1);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * KILL_WITHIN_MS));
  await house.kill({ eventLog: round % 2 === 1 });
  await Promise.all(readers.map(({ ended }) => ended));
  await house.start();

  const answered = readers.filter(({ text }) => text !== '');
  expect(answered.length).toBeGreaterThan(0);
  for (const reader of answered) {
    const call = await endedCall(house, reader.id!, 30_000);
    const recorded = call.choices[0]?.content ?? '';
    expect({ round, recorded: recorded.slice(0, reader.text.length) }).toEqual({ round, recorded: reader.text });
    expect(call.status).toBe('abandoned');
  }
  await eventually(async () => (await callsWith(house, 'running')).length === 0, 30_000);
  // Consistent with the checkpoint that the round before remembered, every leaf counted once.
  expect(await house.command('audit', 'verify')).toMatchObject({ code: 0 });
}
