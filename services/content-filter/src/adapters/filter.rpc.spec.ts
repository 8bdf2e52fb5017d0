import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { ChatCallSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { Action, ContentFilterService, Direction, FilterRequestSchema, type FilterRequest, type FilterResponse } from '@sluice/proto/content_filter/v1/content_filter';
import { InProcessTransport, type Client } from '@sluice/rpc';
import type { CallHits } from '../domain/call/call-filter.ts';
import { CALL_STEPS_LIMIT } from '../domain/call/limits.ts';
import { delta, finished, started, usage } from '../domain/call/testing/events.ts';
import { FailingPolicy, MASK, ScriptedPolicies, ScriptedPolicy, STEPS_A_LETTER, type ScriptedRule } from '../domain/call/testing/scripted-policy.ts';
import { filterRpc } from './filter.rpc.ts';

const RULES: ScriptedRule[] = [{ word: 'abc', action: 'mask' }, { word: 'bad', action: 'block' }, { word: 'hm', action: 'flag' }];
const OWNER = { callId: 'call-1', organisationId: 'org-1', projectId: 'project-1' };

let policies: ScriptedPolicies;
let reported: CallHits[];
let awaited: string[];
let client: Client<typeof ContentFilterService>;
let talks: Talk[];

/** One call of the rpc, asked step by step. */
class Talk {
  readonly #requests: FilterRequest[] = [];
  #wake: () => void = () => undefined;
  #isOver = false;
  readonly #answers: AsyncIterator<FilterResponse>;

  constructor() {
    this.#answers = client.filter(this.#outgoing())[Symbol.asyncIterator]();
    talks.push(this);
  }

  async ask(step: FilterRequest['step']): Promise<FilterResponse['step']> {
    this.#requests.push(create(FilterRequestSchema, { step }));
    this.#wake();
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('The filter ended the call.');
    return value.step;
  }

  async begin(content: string, call: Omit<MessageInitShape<typeof ChatCallSchema>, '$typeName'> = {}): Promise<FilterResponse['step']> {
    const messages = Buffer.from(JSON.stringify([{ role: 'user', content }]));
    return this.ask({ case: 'input', value: { $typeName: 'content_filter.v1.FilterInput', ...OWNER, call: create(ChatCallSchema, { messages, choices: 1, ...call }) } });
  }

  async send(events: ChatEvent[], last = false): Promise<{ events: ChatEvent[]; hitCount: number; stop: boolean }> {
    const step = await this.ask({ case: 'output', value: { $typeName: 'content_filter.v1.FilterOutput', events, last } });
    if (step.case !== 'output') throw new Error('That is no output.');
    return step.value;
  }

  async ended(): Promise<boolean> {
    return (await this.#answers.next()).done ?? false;
  }

  async leave(): Promise<void> {
    this.#isOver = true;
    this.#wake();
    await this.#answers.return?.();
  }

  async *#outgoing(): AsyncGenerator<FilterRequest> {
    while (!this.#isOver) {
      const next = this.#requests.shift();
      if (next) yield next;
      else await new Promise<void>((wake) => (this.#wake = wake));
    }
  }
}

beforeEach(() => {
  policies = new ScriptedPolicies(new ScriptedPolicy(RULES));
  reported = [];
  awaited = [];
  talks = [];
  const transport = new InProcessTransport({ freezeStreams: true });
  const rpcs = filterRpc({ policies, inForce: { reached: async (organisationId, version) => void awaited.push(`${organisationId} ${version}`) }, hash: (organisation, text) => Buffer.from(`${organisation}:${text}`), hits: { add: (found) => reported.push(found) }, clock: { ...systemClock, wallMs: () => 1234 } });
  transport.serve(ContentFilterService, rpcs);
  client = transport.connect(ContentFilterService);
});

afterEach(async () => {
  for (const talk of talks) await talk.leave().catch(() => undefined);
});

describe('Filter', () => {
  it('answers the input with a verdict and every batch of output with what may leave, and tells the hits once', async () => {
    const talk = new Talk();
    expect(await talk.begin('my abc, hm')).toMatchObject({ case: 'verdict', value: { action: Action.MASK, policyVersion: 7n, filtersOutput: true, hitCount: 2, hits: [{ ruleId: 'rule-0', direction: Direction.IN }, { ruleId: 'rule-2' }] } });
    const whole = delta('all fine');
    const first = await talk.send([started(), whole]);
    expect(first.events[1]).toBe(whole);
    expect(first).toMatchObject({ hitCount: 0, stop: false });
    expect(await talk.send([delta('xa')])).toMatchObject({ events: [{ event: { value: { text: 'x' } } }] });
    expect(await talk.send([])).toMatchObject({ events: [] });
    expect(await talk.send([delta('bc'), finished(), usage()], true)).toMatchObject({ hitCount: 1, events: [{ event: { value: { text: MASK } } }, { event: { case: 'finished' } }, { event: { case: 'usage' } }] });
    expect(await talk.ended()).toBe(true);
    expect(reported).toMatchObject([{ ...OWNER, policyVersion: 7n, hitCount: 3, atMs: 1234, hits: [{ ruleId: 'rule-0' }, { ruleId: 'rule-2' }, { ruleId: 'rule-0', direction: Direction.OUT }] }]);
  });

  it('gives the call that the model may get, all its other members as they were', async () => {
    const fields = [{ $typeName: 'chat.v1.Field' as const, name: 'temperature', json: Buffer.from('0.50') }];
    const step = await new Talk().begin('abc', { model: 'm', fields, stream: true, choices: 2 });
    expect(step).toMatchObject({ value: { call: { $typeName: 'chat.v1.ChatCall', model: 'm', stream: true, choices: 2, fields, messages: Buffer.from(`[{"role":"user","content":"${MASK}"}]`) } } });
  });

  it('names the rule that blocks an input, never the word', async () => {
    const talk = new Talk();
    const step = await talk.begin('so bad');
    expect(step).toMatchObject({ value: { action: Action.BLOCK, ruleId: 'rule-1', ruleTitle: 'Title 1', hitCount: 1 } });
    // For its record, which keeps what is given back and nothing else.
    expect(Buffer.from((step.value as { call: { messages: Uint8Array } }).call.messages).toString()).toBe('[{"role":"user","content":"so bad"}]');
    await expect(talk.send([delta('x')])).rejects.toMatchObject({ code: 'failed_precondition' });
    expect(reported).toHaveLength(1);
  });

  it('gives of an input that is blocked what a record may keep, when rules mask something in it', async () => {
    const step = await new Talk().begin('my abc, so bad, abc');
    expect(step).toMatchObject({ value: { action: Action.BLOCK, ruleId: 'rule-1', call: { messages: Buffer.from(`[{"role":"user","content":"my ${MASK}, so bad, ${MASK}"}]`) } } });
  });

  it('gives nothing of an input that is blocked and too much to look at to its end', async () => {
    const step = await new Talk().begin(`so bad ${'x'.repeat((1.1 * CALL_STEPS_LIMIT) / STEPS_A_LETTER)}`);
    expect(step).toMatchObject({ value: { action: Action.BLOCK, ruleId: 'rule-1', hitCount: 1 } });
    expect(step.value).not.toHaveProperty('call');
  });

  it('says that the model can be stopped, and still takes what is under way', async () => {
    const talk = new Talk();
    await talk.begin('x');
    expect(await talk.send([delta('so bad')])).toMatchObject({ stop: true, events: [{ event: { value: { text: 'so ' } } }, { event: { value: { reason: 'content_filter' } } }] });
    expect(await talk.send([delta('more'), finished()], true)).toMatchObject({ events: [], stop: false });
    expect(await talk.ended()).toBe(true);
    expect(reported).toMatchObject([{ hitCount: 1 }]);
  });

  it('tells the hits when the caller leaves in the middle', async () => {
    const talk = new Talk();
    await talk.begin('hm');
    await talk.send([delta('hm')]);
    await talk.leave();
    expect(reported).toMatchObject([{ hitCount: 2 }]);
  });

  it('tells nothing when nothing was found', async () => {
    const talk = new Talk();
    await talk.begin('fine');
    await talk.send([delta('fine')], true);
    expect(await talk.ended()).toBe(true);
    expect(reported).toEqual([]);
  });

  it('says when no output needs to come', async () => {
    policies.policy = new ScriptedPolicy([{ word: 'bad', action: 'block', direction: 'in' }]);
    expect(await new Talk().begin('fine')).toMatchObject({ value: { action: Action.UNSPECIFIED, filtersOutput: false, ignoresInput: false } });
  });

  it('says when no input needed to come', async () => {
    policies.policy = new ScriptedPolicy([{ word: 'bad', action: 'block', direction: 'out' }]);
    expect(await new Talk().begin('bad')).toMatchObject({ value: { action: Action.UNSPECIFIED, filtersOutput: true, ignoresInput: true } });
  });

  it('refuses what does not begin with the input, or brings it twice', async () => {
    await expect(new Talk().send([])).rejects.toMatchObject({ code: 'invalid_value' });
    const twice = new Talk();
    await twice.begin('x');
    await expect(twice.begin('x')).rejects.toMatchObject({ code: 'invalid_value' });
    await expect(new Talk().ask({ case: undefined })).rejects.toMatchObject({ code: 'invalid_value' });
    await expect(new Talk().ask({ case: 'input', value: { $typeName: 'content_filter.v1.FilterInput', ...OWNER } })).rejects.toMatchObject({ code: 'missing_required_parameter' });
    await expect(new Talk().ask({ case: 'input', value: { $typeName: 'content_filter.v1.FilterInput', ...OWNER, organisationId: '' } })).rejects.toMatchObject({ code: 'missing_required_parameter' });
  });

  it('keeps to the rules that a call began with', async () => {
    const before = new Talk();
    await before.begin('x');
    policies.policy = new ScriptedPolicy([{ word: 'x', action: 'block' }], 8n);
    const after = new Talk();
    expect(await before.send([delta('xabc')], true)).toMatchObject({ events: [{ event: { value: { text: `x${MASK}` } } }] });
    expect(await after.begin('x')).toMatchObject({ value: { action: Action.BLOCK, policyVersion: 8n } });
  });

  it('ends the call when a push fails, and nothing held leaves', async () => {
    policies.policy = new FailingPolicy(RULES, (piece) => piece === 'c');
    const talk = new Talk();
    await talk.begin('x');
    expect(await talk.send([delta('ab')])).toMatchObject({ events: [] });
    const failed = talk.send([delta('c'), finished()], true);
    await expect(failed).rejects.toMatchObject({ code: 'content_filter_unavailable' });
    await expect(failed).rejects.not.toThrow(/token/);
  });

  it('fails while the rules are not known', async () => {
    policies.of = () => {
      throw new ServiceError('content_filter_unavailable', 'The filter rules are being loaded.');
    };
    await expect(new Talk().begin('x')).rejects.toMatchObject({ code: 'content_filter_unavailable' });
    await expect(client.try({ ...OWNER, text: 'x' })).rejects.toMatchObject({ code: 'content_filter_unavailable' });
  });
});

describe('Try', () => {
  it('shows what would leave, and is not counted', async () => {
    expect(await client.try({ organisationId: 'org-1', projectId: 'p', text: 'an abc', direction: Direction.OUT })).toMatchObject({ text: `an ${MASK}`, action: Action.MASK, policyVersion: 7n, hits: [{ ruleId: 'rule-0', direction: Direction.OUT, start: 3n, textHash: new Uint8Array(0) }] });
    expect(await client.try({ organisationId: 'org-1', projectId: 'p', text: 'a bad one', direction: Direction.BOTH })).toMatchObject({ text: 'a ', action: Action.BLOCK, ruleTitle: 'Title 1', hits: [{}, {}] });
    expect(await client.try({ organisationId: 'org-1', projectId: 'p', text: 'fine', direction: Direction.IN })).toMatchObject({ text: 'fine', action: Action.UNSPECIFIED, hits: [] });
    expect(reported).toEqual([]);
  });

  it('lets others have their turn while it looks at a long text', async () => {
    const turnsFor = async (characters: number): Promise<number> => {
      let turns = 0;
      const count = (): void => { next = setImmediate(() => { turns++; count(); }); };
      let next: NodeJS.Immediate;
      count();
      await client.try({ organisationId: 'org-1', projectId: 'p', text: 'x'.repeat(characters), direction: Direction.BOTH });
      clearImmediate(next!);
      return turns;
    };
    const [long, short] = [await turnsFor(4_000), await turnsFor(1)];
    expect(long).toBeGreaterThan(short);
  });

  it('names the organisation', async () => {
    await expect(client.try({ text: 'x' })).rejects.toMatchObject({ code: 'missing_required_parameter' });
  });
});

it('answers that rules are in force when they are, and asks for whose', async () => {
  await client.awaitRules({ organisationId: 'org-1', policyVersion: 3n });
  await expect(client.awaitRules({ policyVersion: 3n })).rejects.toMatchObject({ code: 'missing_required_parameter', param: 'organisation_id' });
  expect(awaited).toEqual(['org-1 3']);
});
