import { describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, chunk, type Script, type Step } from '@sluice/testkit';
import { callsWith, endedCall } from './audited-call.ts';
import { Channels } from './channels.ts';
import { eventually, type House } from './house.ts';
import { MODEL, addModel, removeModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';
import { becomesSo, makeTenant, sluiceJson } from './tenant.ts';

const STREAMS = 50;
const PIECES = 4000;
/** Latest moment of a kill after the first token, in milliseconds. */
const KILL_WITHIN_MS = 1500;

/** `rounds`: how often everything is killed; a house of many processes takes longer to come back. */
export function crashScenarios(at: () => House, rounds: number): void {
  describe('kill -9', () => {
    it(`of everything in the middle of ${STREAMS} streams, ${rounds} times: the audit holds every character that a client received`, async () => {
      await using upstream = await ScriptedUpstream.start();
      await addModel(at(), upstream);
      for (let round = 0; round < rounds; round++) await killInMidStream(at(), upstream, round);
      await removeModel(at());
    }, 1_200_000);

    it('in the middle of masked streams leaves on record what all that a client received was made of, where the project keeps it', async () => {
      await using upstream = await ScriptedUpstream.start();
      await addModel(at(), upstream);
      await killInMaskedStream(at(), upstream);
      await removeModel(at());
    }, 120_000);
  });
}

/** An endless answer that uses every channel, of two choices; the text names its stream, so that none is taken for another. An emoji comes cut in two. */
function everyChannel(name: string): Script {
  const steps: Step[] = [];
  for (let index = 0; index < PIECES; index++) {
    const text = ` ${name}.${index}`;
    const logprobs = { content: [{ token: text, logprob: -index / 7, bytes: null, top_logprobs: [] }] };
    const deltas = [
      chunk({ content: text }, { logprobs }), chunk({ content: text }, { index: 1 }), chunk({ reasoning_content: text }), chunk({ refusal: text }, { index: 1 }),
      chunk({ tool_calls: [{ index: 0, ...(index < 5 ? { id: `call_${name}`, type: 'function' } : {}), function: { ...(index < 5 ? { name: 'f' } : {}), arguments: text } }] }),
      chunk({ content: '\ud83d' }), chunk({ content: '\ude00' }),
    ];
    steps.push({ gapMs: 3 }, { event: deltas[index % deltas.length]! });
  }
  return { steps };
}

async function killInMidStream(house: House, upstream: ScriptedUpstream, round: number): Promise<void> {
  upstream.always((request) => everyChannel(/stream \d+/.exec(request.body.toString())?.[0] ?? 'stream'));
  const readers = Array.from({ length: STREAMS }, (_, index) => new StreamReader(house, { model: MODEL, messages: [{ role: 'user', content: `stream ${index}` }], n: 2, logprobs: true }));
  await readers[0]!.characters(1);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * KILL_WITHIN_MS));
  await house.kill({ eventLog: round % 2 === 1 });
  await Promise.all(readers.map(({ ended }) => ended));
  await house.start();

  const answered = readers.filter(({ received }) => !received.isEmpty);
  expect({ round, statuses: [...new Set(readers.map(({ status }) => status))], someAnswered: answered.length > 0 }).toMatchObject({ round, someAnswered: true });
  for (const reader of answered) {
    const call = await endedCall(house, reader.id!);
    expect({ round, missing: reader.received.missingIn(Channels.ofRecord(call)), status: call.status }).toEqual({ round, missing: [], status: 'abandoned' });
  }
  await eventually(async () => (await callsWith(house, 'running')).length === 0);
  // Consistent with the checkpoint that the round before remembered, every leaf counted once.
  expect(await house.command('audit', 'verify')).toMatchObject({ code: 0 });
}

async function killInMaskedStream(house: House, upstream: ScriptedUpstream): Promise<void> {
  const email = 'jane.doe@example.com';
  const tenant = await makeTenant(house, 'originals', 'original_and_sent');
  await sluiceJson(house, 'filter', 'add', '--kind', 'pii:email', '--action', 'mask', '--project', tenant.projectId);
  const { text: masked } = await sluiceJson<{ text: string }>(house, 'filter', 'try', email, '--project', tenant.projectId, '--direction', 'out');
  const question = { messages: [{ role: 'user', content: email }] };
  await becomesSo(house, tenant, question, () => !JSON.stringify(upstream.requests.at(-1)!.json()).includes(email));
  const pieces = Array.from({ length: PIECES }, (_, index) => `${index} ${email}, `).join('').match(/.{1,9}/gs)!;
  upstream.always(() => ({ steps: pieces.flatMap((content): Step[] => [{ gapMs: 1 }, { event: chunk({ content }) }]) }));
  const readers = Array.from({ length: 10 }, () => new StreamReader(house, { model: MODEL, ...question }, tenant.key));
  await Promise.all(readers.map((reader) => reader.characters(200)));
  await house.kill({ eventLog: false });
  await Promise.all(readers.map(({ ended }) => ended));
  await house.start();
  for (const reader of readers) {
    const { status, original } = await endedCall(house, reader.id!);
    const made = original!.output!.choices[0]!.content!;
    expect(pieces.join('').startsWith(made)).toBe(true);
    expect({ status, isMasked: reader.text.includes(masked), isFrom: made.replaceAll(email, masked).startsWith(reader.text) }).toEqual({ status: 'abandoned', isMasked: true, isFrom: true });
    expect(original!.request!.messages).toEqual(question.messages);
  }
}
