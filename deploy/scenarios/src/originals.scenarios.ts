import { hash } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { chunk, streamedChat, wholeChat } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall, type AuditedCall } from './audited-call.ts';
import { admin, eventually, type House } from './house.ts';
import { MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';
import { becomesSo, makeTenant, sluiceJson, type Tenant } from './tenant.ts';

const EMAIL = 'jane.doe@example.com';
const WORD = 'sluxyq';
const QUESTION = { messages: [{ role: 'user', content: `Write to ${EMAIL}.` }] };

/** What the admin API hands out of a call, by which its leaf can be opened; all of it base64. */
interface Proof {
  readonly entry: string;
  readonly openings: readonly { readonly name: string; readonly salt: string; readonly value: string }[];
  readonly original?: { readonly prompt: { readonly salt: string; readonly value: string } | null; readonly output: { readonly salt: string; readonly given: readonly string[] } | null };
}

const sha256 = (...parts: readonly string[]): Buffer => hash('sha256', Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))), 'buffer');

/** The committed value of a name, opened by hand; undefined where the entry in the log commits to none. */
function opened({ entry, openings }: Proof, name: string): string | undefined {
  const { commitments } = JSON.parse(Buffer.from(entry, 'base64').toString()) as { commitments: [string, string][] };
  const committed = commitments.find(([candidate]) => candidate === name)?.[1];
  const opening = openings.find((candidate) => candidate.name === name);
  expect(opening && sha256(opening.salt, opening.value).toString('base64url')).toBe(committed);
  return opening?.value;
}

function proofOf(house: House, id: string): Promise<Proof> {
  return eventually(async () => {
    const { status, body } = await admin<Proof>(house, 'GET', `/audit/calls/${id}/proof`);
    return status === 200 && body;
  });
}

/** The call on record once its end is in the log and proven from the outside, with what that says of originals. */
async function provenCall(house: House, id: string): Promise<{ call: AuditedCall; proof: Proof; original: unknown }> {
  const call = await endedCall(house, id);
  const verified = await eventually(async () => {
    const { code, stdout } = await house.command('audit', 'verify', id, '--json');
    return code === 0 && (JSON.parse(stdout) as { call: { original?: unknown } });
  });
  return { call, proof: await proofOf(house, id), original: verified.call.original };
}

export function originalScenarios(at: () => House): void {
  describe('a project that keeps originals', () => {
    const upstream = scriptedModel(at);
    let tenant: Tenant;
    const addRule = (...rule: string[]): Promise<unknown> => sluiceJson(at(), 'filter', 'add', ...rule, '--project', tenant.projectId);
    const masksEmails = async (): Promise<void> => {
      await addRule('--kind', 'pii:email', '--action', 'mask');
      await becomesSo(at(), tenant, QUESTION, () => !JSON.stringify(upstream().requests.at(-1)!.json()).includes(EMAIL));
    };
    beforeEach(async () => {
      tenant = await makeTenant(at(), 'originals', 'original_and_sent');
    });

    it('masks an e-mail for the model and for the client, and proves from the record which it was', async () => {
      await masksEmails();
      const pieces = `Her address is ${EMAIL}, they say.`.match(/.{1,3}/gs)!;
      upstream().next(streamedChat({ pieces }));
      const reader = new StreamReader(at(), { model: MODEL, ...QUESTION }, tenant.key);
      await reader.ended;
      upstream().next(wholeChat({ pieces }));
      const whole = await ask(at(), QUESTION, { key: tenant.key });
      const sentText = (whole.body as { choices: { message: { content: string } }[] }).choices[0]!.message.content;
      expect([reader.text, reader.text.includes(EMAIL)]).toEqual([sentText, false]);
      for (const id of [reader.id!, whole.id]) {
        const { call, proof, original } = await provenCall(at(), id);
        expect(original).toEqual({ prompt: 'proven', output: 'proven' });
        expect(JSON.stringify([call.request, call.choices, call.events])).not.toContain(EMAIL);
        expect([call.original!.request!.messages, call.original!.output!.choices[0]!.content]).toEqual([QUESTION.messages, pieces.join('')]);
        // The same by hand, with nothing of ours but the form of a leaf.
        const { prompt, output } = proof.original!;
        expect(opened(proof, 'original_prompt')).toBe(sha256(prompt!.salt, prompt!.value).toString('base64'));
        expect(Buffer.from(prompt!.value, 'base64').toString()).toContain(EMAIL);
        expect(opened(proof, 'original_output')).toBe(output!.given.reduce((link, bytes) => sha256(link, bytes).toString('base64'), sha256(output!.salt).toString('base64')));
        const { stdout } = await at().command('audit', 'show', id);
        expect(stdout).toMatch(new RegExp(`--- user, as asked\nWrite to ${EMAIL}\\.\n[^]*--- user, as sent to the model\n[^]*, as the model gave it\nHer address is ${EMAIL}, they say\\.\n[^]*, as sent to the client\n`));
      }
    });

    it('has what a rule blocked, in a prompt and in an answer, of which nothing was sent', async () => {
      await addRule(WORD, '--kind', 'word', '--action', 'block');
      const refused = await becomesSo(at(), tenant, { messages: [{ role: 'user', content: `say ${WORD}` }] }, ({ status }) => status === 400);
      const call = await endedCall(at(), refused.id);
      // What blocked it stands in what the filter gives back, so that is what was asked.
      expect([call.status, call.request!.messages[0]!.content, call.original]).toEqual(['refused', `say ${WORD}`, undefined]);
      upstream().next({ steps: [...['so ', 'slu', 'xyq', ' and on'].map((content) => ({ event: chunk({ content }) })), { event: chunk({}, { finish_reason: 'stop' }) }, { event: '[DONE]' }] });
      const reader = new StreamReader(at(), { model: MODEL, messages: [{ role: 'user', content: 'go on' }] }, tenant.key);
      await reader.ended;
      expect(reader.text).toBe('so ');
      const answered = await provenCall(at(), reader.id!);
      expect(answered.original).toEqual({ prompt: 'none', output: 'proven' });
      expect(answered.call.choices[0]).toMatchObject({ content: 'so ', finish_reason: 'content_filter' });
      expect(answered.call.original!.output!.choices[0]!.content).toMatch(new RegExp(`^so ${WORD}`));
    });

    it('has what was asked of a call that is refused before the filter has looked at it, and what a rule made of a parameter', async () => {
      const refused = await ask(at(), { ...QUESTION, temperature: 9 }, { key: tenant.key });
      expect(refused.status).toBe(400);
      const { call, original } = await provenCall(at(), refused.id);
      expect([call.request, original]).toEqual([null, { prompt: 'proven' }]);
      expect(call.original!.request!.messages).toEqual(QUESTION.messages);
      await sluiceJson(at(), 'parameter', 'set', 'temperature', '--max', '1', '--on-violation', 'clip', '--project', tenant.projectId);
      const answer = await becomesSo(at(), tenant, { ...QUESTION, temperature: 2 }, () => upstream().requests.at(-1)!.json()['temperature'] === 1);
      const clipped = await endedCall(at(), answer.id);
      expect([clipped.request!['temperature'], clipped.original!.request!['temperature'], clipped.original!.output]).toEqual([1, 2, null]);
    });

    it('is told by its leaves, and not what rules changed; another project has nothing of it', async () => {
      await masksEmails();
      const same = await ask(at(), { messages: [{ role: 'user', content: 'Nothing to see.' }] }, { key: tenant.key });
      const proof = await proofOf(at(), same.id);
      expect([opened(proof, 'original_prompt'), proof.original!.prompt]).toEqual(['', null]);
      tenant = await makeTenant(at(), 'sent');
      await masksEmails();
      const other = await ask(at(), QUESTION, { key: tenant.key });
      const masked = await provenCall(at(), other.id);
      expect([masked.original, masked.call.original, opened(masked.proof, 'original_prompt'), masked.proof.original]).toEqual([undefined, undefined, undefined, undefined]);
      expect(JSON.stringify(masked)).not.toContain(EMAIL);
    });
  });
}
