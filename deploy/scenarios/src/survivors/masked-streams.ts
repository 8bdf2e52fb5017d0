import { expect } from '@jest/globals';
import { chunk, type Step } from '@sluice/testkit';
import { endedCall } from '../audited-call.ts';
import { StreamReader } from '../stream-reader.ts';
import { becomesSo, makeTenant, sluiceJson } from '../tenant.ts';
import type { Survivor } from './survivor.ts';

const EMAIL = 'jane.doe@example.com';
const STREAMS = 10;
/** So many that no stream is at its end when the house is killed. */
const PIECES = 12_000;

/** Streams of a project that masks e-mails and keeps what they were. */
export const maskedStreams: Survivor = {
  name: 'in the middle of masked streams: on record is what all that a client received was made of, where the project keeps it',
  model: 'killed-masked',
  async prepare(house, upstream, model) {
    const tenant = await makeTenant(house, 'originals', 'original_and_sent');
    await sluiceJson(house, 'filter', 'add', '--kind', 'pii:email', '--action', 'mask', '--project', tenant.projectId);
    const { text: masked } = await sluiceJson<{ text: string }>(house, 'filter', 'try', EMAIL, '--project', tenant.projectId, '--direction', 'out');
    const question = { model, messages: [{ role: 'user', content: EMAIL }] };
    await becomesSo(house, tenant, question, () => !JSON.stringify(upstream.requests.at(-1)!.json()).includes(EMAIL));
    const pieces = Array.from({ length: PIECES }, (_, index) => `${index} ${EMAIL}, `).join('').match(/.{1,9}/gs)!;
    const steps = pieces.flatMap((content): Step[] => [{ gapMs: 1 }, { event: chunk({ content }) }]);
    upstream.always(() => ({ steps }));
    return async () => {
      const readers = Array.from({ length: STREAMS }, () => new StreamReader(house, question, tenant.key));
      await Promise.all(readers.map((reader) => reader.characters(200)));
      return async () => {
        await Promise.all(readers.map(({ ended }) => ended));
        for (const reader of readers) {
          const { status, original } = await endedCall(house, reader.id!);
          const made = original!.output!.choices[0]!.content!;
          expect(pieces.join('').startsWith(made)).toBe(true);
          expect({ status, isMasked: reader.text.includes(masked), isFrom: made.replaceAll(EMAIL, masked).startsWith(reader.text) }).toEqual({ status: 'abandoned', isMasked: true, isFrom: true });
          expect(original!.request!.messages).toEqual(question.messages);
        }
      };
    };
  },
};
