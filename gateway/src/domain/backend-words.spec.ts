import { describe, expect, it } from '@jest/globals';
import { ServiceError, toEnvelope } from '@sluice/errors';
import { FlowHouse, started, text } from '../testing/flow-house.ts';
import { withoutBackendWords } from './backend-words.ts';
import type { CallSummary } from './request-flow.ts';

const WORD = 'bluebird';

function refusal(code: string | null = WORD): ServiceError {
  return new ServiceError('upstream_refused', `tool parser could not read: ${WORD}`, { upstream: { status: 422, type: WORD, code, param: `messages.${WORD}` } });
}

/** What is told and what is on record of a call whose backend refuses it in mid-stream. */
async function refusedBy(filtersOutput: boolean): Promise<{ readonly error: ServiceError; readonly recorded: string }> {
  const house = new FlowHouse();
  house.filter.input = () => ({ policyVersion: 7n, filtersOutput });
  house.answer = async function* () {
    yield [started(), text('the ')];
    throw refusal();
  };
  const { error } = (await house.run()) as CallSummary;
  return { error: error!, recorded: Buffer.from(house.ending().error).toString() };
}

describe('what a backend says of a call that it refuses', () => {
  it('is neither told nor recorded where a rule looks at output, wherever in its error it stands', async () => {
    const { error, recorded } = await refusedBy(true);
    expect(JSON.stringify(toEnvelope(error)) + recorded).not.toContain(WORD);
    expect(JSON.parse(recorded)).toEqual(toEnvelope(error));
    expect(error).toMatchObject({ code: 'upstream_refused', httpStatus: 422, message: expect.stringMatching(/^The model's backend refused the request\./) });
  });

  it('is told and recorded word for word where none does', async () => {
    const { error, recorded } = await refusedBy(false);
    expect(toEnvelope(error)).toEqual(toEnvelope(refusal()));
    expect(JSON.parse(recorded)).toEqual(toEnvelope(refusal()));
  });

  it('keeps a code that programs act on', () => {
    expect(withoutBackendWords(refusal('context_length_exceeded')).upstream).toEqual({ status: 422, type: 'invalid_request_error', code: 'context_length_exceeded', param: null });
    expect(withoutBackendWords(refusal()).upstream?.code).toBeNull();
  });

  it('is not what Sluice says itself', () => {
    const own = new ServiceError('upstream_error', "The model's backend failed.");
    expect(withoutBackendWords(own)).toBe(own);
  });
});
