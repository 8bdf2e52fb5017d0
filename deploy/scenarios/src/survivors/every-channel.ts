import { expect } from '@jest/globals';
import { chunk, type Script, type Step } from '@sluice/testkit';
import { endedCall } from '../audited-call.ts';
import { Channels } from '../channels.ts';
import { StreamReader } from '../stream-reader.ts';
import type { Survivor } from './survivor.ts';

export const STREAMS = 50;
const PIECES = 4000;

/** Many streams that use every channel there is. */
export const everyChannel: Survivor = {
  name: `in the middle of ${STREAMS} streams: the audit holds every character that a client received`,
  model: 'killed-streams',
  async prepare(house, upstream, model) {
    upstream.always((request) => endlessAnswer(/stream \d+/.exec(request.body.toString())?.[0] ?? 'stream'));
    return async () => {
      const readers = Array.from({ length: STREAMS }, (_, index) => new StreamReader(house, { model, messages: [{ role: 'user', content: `stream ${index}` }], n: 2, logprobs: true }));
      await readers[0]!.characters(1);
      return async () => {
        await Promise.all(readers.map(({ ended }) => ended));
        const answered = readers.filter(({ received }) => !received.isEmpty);
        expect({ statuses: [...new Set(readers.map(({ status }) => status))], someAnswered: answered.length > 0 }).toMatchObject({ someAnswered: true });
        for (const reader of answered) {
          const call = await endedCall(house, reader.id!);
          expect({ missing: reader.received.missingIn(Channels.ofRecord(call)), status: call.status }).toEqual({ missing: [], status: 'abandoned' });
        }
      };
    };
  },
};

/** An endless answer that uses every channel, of two choices; the text names its stream, so that none is taken for another. An emoji comes cut in two. */
function endlessAnswer(name: string): Script {
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
