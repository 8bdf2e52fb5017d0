import { randomBytes } from 'node:crypto';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import { OriginalOutputSchema, type OutputBodySchema } from '@sluice/proto/events/v1/calls';
import { chainOutput, commit, commitmentHash, nextChain, originalChainStart } from '@sluice/segment';
import type { EntryCommitment, EntryType } from '@sluice/transparency';

type Events = NonNullable<MessageInitShape<typeof OutputBodySchema>['events']>;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A call as its gateway committed to it, as the admin API shows it, and what is handed out to compare the two. */
export type ScriptedCall = ReturnType<typeof completedCall>;

/** A masked question and a flagged answer, colder and shorter than they were asked for, paid from a budget. */
function governedCall() {
  const hit = { rule_id: 'rule_1', kind: 'pii:email', action: 'mask', direction: 'in', channel: 'content', index: 0, start: 3, end: 17, text_hash: 'ab'.repeat(32) };
  return {
    model_name: 'tiny', price: { id: 'price_1', model: 'tiny', currency: 'EUR', input_nano: '5', cached_input_nano: '5', output_nano: '5', reasoning_nano: '5' }, hold: { amount_nano: '900', limited: true, output_tokens: 256 },
    cost_nano: '35', overrun_nano: '0', stopped_by: null,
    input: { policy_version: 4, action: 'mask', hit_count: 1, hits: [hit] }, output: { policy_version: 4, action: 'flag', hit_count: 120, hits: [{ ...hit, action: 'flag', direction: 'out' }] },
    parameters: [{ name: 'temperature', asked: 2, sent: 1, rule_id: 'prule_1' }, { name: 'max_tokens', asked: null, sent: 2048, rule_id: 'prule_2' }, { name: 'max_tokens', asked: 2048, sent: 256, rule_id: null }],
  };
}

/** Two released outputs, "An " and "answer.", to one question. */
export function completedCall() {
  const governed = governedCall();
  const id = '019ab3c4d5e67890a1b2c3d4e5f60718';
  const messages = [{ role: 'user', content: 'A question?' }];
  const asked = create(ChatCallSchema, { model: 'tiny', stream: true, choices: 1, messages: Buffer.from(JSON.stringify(messages)), fields: [{ name: 'seed', json: Buffer.from('7') }] });
  const prompt = { salt: randomBytes(32), value: toBinary(ChatCallSchema, asked) };
  const told = { message: 'It broke off.', type: 'server_error', param: null, code: 'upstream_error' };
  const error = { salt: randomBytes(32), value: Buffer.from(JSON.stringify({ error: told })) };
  const outputs: Events[] = [[{ event: { case: 'delta', value: { choice: 0, channel: 1, text: 'An ' } } }], [{ event: { case: 'delta', value: { choice: 0, channel: 1, text: 'answer.' } } }]];
  const chains: Buffer[] = [randomBytes(32)];
  const released = outputs.map((events) => {
    const { chain, body } = chainOutput(chains.at(-1)!, { events });
    chains.push(chain);
    return base64(body.bytes);
  });
  const fields: Record<string, string | Uint8Array> = {
    call_id: id, organisation_id: 'org_1', project_id: 'proj_1', key_id: 'key_1', model: 'tiny', prompt: commitmentHash(prompt.salt, prompt.value), output: chains.at(-1)!, error: commitmentHash(error.salt, error.value),
    result: JSON.stringify([1, '', 200, 'ver_1', 'dep_1', 1_700_000_000_000, 1_700_000_000_500, 5, 2, 10, governed]),
  };
  const made = Object.entries(fields).map(([name, value]) => commit(name, value, randomBytes));
  const choice = { index: 0, finish_reason: null, content: 'An answer.', reasoning: null, refusal: null, tool_calls: [], function_call: null };
  return {
    id,
    type: 'call.completed' as EntryType,
    commitments: made.map(({ commitment }): EntryCommitment => commitment),
    chains: chains.map(base64),
    evidence: {
      openings: made.map(({ opening: { name, salt, value } }) => ({ name, salt: base64(salt), value: base64(value) })),
      prompt: { salt: base64(prompt.salt), value: base64(prompt.value) },
      error: { salt: base64(error.salt), value: base64(error.value) },
      output: { start: base64(chains[0]!), released },
    },
    shown: {
      object: 'call', id, organisation_id: 'org_1', project_id: 'proj_1', key_id: 'key_1', model: 'tiny', stream: true, status: 'answered', http_status: 200, error_code: null,
      admitted_at: '2023-11-14T22:13:20.000Z', ended_at: '2023-11-14T22:13:20.500Z', duration_ms: 500, first_output_ms: 20, output_bytes: 10,
      usage: { input_tokens: 5, output_tokens: 2, cached_input_tokens: 0, reasoning_tokens: 0, estimated: false }, version_id: 'ver_1', deployment_id: 'dep_1', leaf_index: 4,
      bodies: 'kept', request: { model: 'tiny', stream: true, n: 1, messages, seed: 7 }, choices: [choice], error: told, error_message: told.message, segments: [], cost_nano: '35', overrun_nano: '0', governed, refused: null, hold_extensions: [],
      events: ['An ', 'answer.'].map((text) => ({ type: 'delta', choice: 0, channel: 'content', text })),
    },
  };
}

/** The same call in a project that keeps originals: "A question from Jane?" was asked, and the model gave "An " and "answer by Jane.". */
export function callWithOriginals() {
  const call = completedCall();
  const messages = [{ role: 'user', content: 'A question from Jane?' }];
  const asked = create(ChatCallSchema, { model: 'tiny', stream: true, choices: 1, messages: Buffer.from(JSON.stringify(messages)), fields: [{ name: 'seed', json: Buffer.from('7') }, { name: 'user', json: Buffer.from('"Jane"') }] });
  const prompt = { salt: randomBytes(32), value: toBinary(ChatCallSchema, asked) };
  const texts = ['An ', 'answer by Jane.'];
  const given = texts.map((text) => toBinary(OriginalOutputSchema, create(OriginalOutputSchema, { events: [{ event: { case: 'delta', value: { choice: 0, channel: 1, text } } }] })));
  const salt = randomBytes(32);
  const made = [commit('original_prompt', commitmentHash(prompt.salt, prompt.value), randomBytes), commit('original_output', given.reduce<Buffer>(nextChain, originalChainStart(salt)), randomBytes)];
  const original = { prompt: { salt: base64(prompt.salt), value: base64(prompt.value) }, output: { salt: base64(salt), given: given.map(base64) } };
  const output = { choices: [{ ...call.shown.choices[0]!, content: texts.join('') }], events: texts.map((text) => ({ type: 'delta', choice: 0, channel: 'content', text })) };
  return {
    ...call,
    /** What the chain is after the first of them: no beginning of a chain. */
    firstLink: base64(nextChain(originalChainStart(salt), given[0]!)),
    commitments: [...call.commitments, ...made.map(({ commitment }): EntryCommitment => commitment)],
    evidence: { ...call.evidence, openings: [...call.evidence.openings, ...made.map(({ opening }) => ({ name: opening.name, salt: base64(opening.salt), value: base64(opening.value) }))], original },
    shown: { ...call.shown, original: { request: { model: 'tiny', stream: true, n: 1, messages, seed: 7, user: 'Jane' }, output } },
  };
}
