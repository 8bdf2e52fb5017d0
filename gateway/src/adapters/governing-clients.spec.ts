import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { ContentFilterService } from '@sluice/proto/content_filter/v1/content_filter';
import { InProcessTransport, type Implementation } from '@sluice/rpc';
import type { Logger } from '@sluice/telemetry';
import { AnswerDeadlines } from './answer-deadlines.ts';
import { BillingClient } from './billing-client.ts';
import { FilterClient } from './filter-client.ts';

const PRINCIPAL = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };
const CALL = { model: 'm', messages: Buffer.from('[]'), fields: [{ name: 'seed', json: Buffer.from('7') }], stream: true, choices: 1 };
const HOLD = { callId: 'c', principal: PRINCIPAL, modelName: 'small', producer: 'g', epoch: 3n, inputTokensBound: 9, outputTokens: 256, outputTokensBound: 0, leastOutputTokens: 2 };
const COUNTS = { inputTokens: 1n, outputTokens: 2n, cachedInputTokens: 0n, reasoningTokens: 0n, estimated: false };

/** A service that answers each request by what the script says. */
const answering = (steps: unknown[], seen: unknown[] = []) =>
  async function* (requests: AsyncIterable<{ step: unknown }>) {
    for await (const { step } of requests) {
      seen.push(step);
      const answer = steps.shift();
      if (answer instanceof Error) throw answer;
      // What a step alone does not say stands beside it.
      yield { step: answer, inputIsTight: (answer as { tight?: boolean }).tight ?? false };
    }
  };

function filterClient(...steps: unknown[]) {
  const transport = new InProcessTransport();
  const seen: unknown[] = [];
  transport.serve(ContentFilterService, { filter: answering(steps, seen) } as unknown as Implementation<typeof ContentFilterService>);
  return { seen, talk: new FilterClient(transport.connect(ContentFilterService), new AnswerDeadlines(new ManualClock())).begin() };
}

function billingClient(...steps: unknown[]) {
  const transport = new InProcessTransport();
  const [seen, logged]: [unknown[], object[]] = [[], []];
  transport.serve(BillingService, { spend: answering(steps, seen) } as unknown as Implementation<typeof BillingService>);
  const logger = { warn: (fields: object) => void logged.push(fields) } as unknown as Logger;
  return { seen, logged, talk: new BillingClient(transport.connect(BillingService), new AnswerDeadlines(new ManualClock()), logger).begin() };
}

describe('the client of the filter', () => {
  it('tells whose call it is and all that was asked', async () => {
    const { seen, talk } = filterClient({ case: 'verdict', value: { action: 3 } }, { case: 'output', value: { stop: true } });
    expect(await talk.input({ callId: 'c', principal: PRINCIPAL, call: CALL })).toMatchObject({ action: 3 });
    expect(await talk.output([], true)).toMatchObject({ stop: true });
    expect(seen).toMatchObject([{ case: 'input', value: { callId: 'c', organisationId: 'o', projectId: 'p', call: { model: 'm', fields: [{ name: 'seed' }], choices: 1 } } }, { case: 'output', value: { events: [], last: true } }]);
  });

  it.each([[{ case: 'output', value: {} }], [{ case: undefined }], [new ServiceError('failed_precondition', 'x')]])('takes what is no verdict for a filter that is away', async (answer) => {
    await expect(filterClient(answer).talk.input({ callId: 'c', principal: PRINCIPAL, call: CALL })).rejects.toMatchObject({ code: 'content_filter_unavailable', retryAfterSeconds: 1 });
    await expect(filterClient({ case: 'verdict', value: {} }).talk.output([], false)).rejects.toMatchObject({ code: 'content_filter_unavailable' });
  });

  it('hands on that nobody can look at an input, and takes the same of an output for a filter that fails', async () => {
    const refusal = new ServiceError('invalid_value', 'Invalid `messages`: shorten it.', { param: 'messages' });
    await expect(filterClient(refusal).talk.input({ callId: 'c', principal: PRINCIPAL, call: CALL })).rejects.toMatchObject({ code: 'invalid_value', param: 'messages' });
    await expect(filterClient(refusal).talk.output([], false)).rejects.toMatchObject({ code: 'content_filter_unavailable' });
  });

  it('takes a service that is not there for a filter that is away', async () => {
    const talk = new FilterClient(new InProcessTransport().connect(ContentFilterService), new AnswerDeadlines(new ManualClock())).begin();
    await expect(talk.input({ callId: 'c', principal: PRINCIPAL, call: CALL })).rejects.toMatchObject({ code: 'content_filter_unavailable' });
  });
});

describe('the client of billing', () => {
  it('asks for a hold, extends it and settles it', async () => {
    const hold = { amountNano: 5n, limited: true, outputTokens: 256n };
    const { seen, talk, logged } = billingClient({ case: 'grant', value: { hold, price: { id: 'price_1' }, affordableOutputTokens: 9n } }, { case: 'extension', value: { hold } }, { case: 'settlement', value: {} });
    expect(await talk.hold(HOLD)).toMatchObject({ hold, price: { id: 'price_1' }, affordableOutputTokens: 9 });
    expect(await talk.extend({ outputTokens: 512, counts: COUNTS, inputTokens: 7n })).toMatchObject(hold);
    await talk.settle(COUNTS);
    expect(seen).toMatchObject([
      { case: 'hold', value: { callId: 'c', organisationId: 'o', projectId: 'p', keyId: 'k', model: 'small', producer: 'g', epoch: 3n, inputTokensBound: 9n, outputTokens: 256n, outputTokensBound: 0n, leastOutputTokens: 2n } },
      { case: 'extend', value: { outputTokens: 512n, inputTokens: 7n, counts: { outputTokens: 2n } } },
      { case: 'settle', value: { counts: { inputTokens: 1n } } },
    ]);
    expect(logged).toEqual([]);
  });

  it('tells of a grant and of a refusal whether an exact count of the input may help, and asks for the same hold again', async () => {
    const { seen, talk } = billingClient({ case: 'refusal', value: { subjectId: 'key_1' }, tight: true }, { case: 'grant', value: { hold: {}, price: {} }, tight: true });
    expect(await talk.hold(HOLD)).toMatchObject({ inputIsTight: true, refusal: { subjectId: 'key_1' } });
    expect(await talk.hold({ ...HOLD, inputTokensBound: 3 })).toMatchObject({ inputIsTight: true, affordableOutputTokens: 0 });
    expect(seen).toMatchObject([{ value: { callId: 'c', inputTokensBound: 9n } }, { value: { callId: 'c', inputTokensBound: 3n } }]);
  });

  it('gives a refusal as it is, and takes everything else for billing that is away', async () => {
    expect(await billingClient({ case: 'refusal', value: { subjectId: 'key_1' } }).talk.hold(HOLD)).toMatchObject({ refusal: { subjectId: 'key_1' } });
    for (const answer of [{ case: 'settlement', value: {} }, { case: 'grant', value: { hold: {} } }, new ServiceError('overloaded', 'x')]) {
      await expect(billingClient(answer).talk.hold(HOLD)).rejects.toMatchObject({ code: 'billing_unavailable' });
    }
    await expect(billingClient({ case: 'extension', value: {} }).talk.extend({ outputTokens: 1 })).rejects.toMatchObject({ code: 'billing_unavailable' });
  });

  it('hands on that the epoch of a call is closed', async () => {
    await expect(billingClient(new ServiceError('epoch_lost', 'x')).talk.hold(HOLD)).rejects.toMatchObject({ code: 'epoch_lost' });
  });

  it('only logs that a settlement did not reach it', async () => {
    const { talk, logged } = billingClient(new ServiceError('overloaded', 'full'));
    await talk.settle(COUNTS);
    expect(logged).toEqual([{ code: 'overloaded' }]);
  });

  it('takes a call whose end billing has read from the log already for settled', async () => {
    const { talk, logged } = billingClient(new ServiceError('failed_precondition', 'its end is on the record'));
    await talk.settle(COUNTS);
    expect(logged).toEqual([]);
  });
});
