import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { toEnvelope } from '@sluice/errors';
import { reasonOf } from '../../domain/backend-fault.ts';
import { REFUSAL_MESSAGE_LIMIT_CHARACTERS, RETRY_AFTER_LIMIT_SECONDS } from './limits.ts';
import { errorOfStatus } from './upstream-error.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const of = (status: number, body: unknown = {}, retryAfter?: string) => errorOfStatus(status, typeof body === 'string' ? body : JSON.stringify(body), retryAfter, NOW);
const envelope = (error: object) => ({ error: { message: 'Words.', type: 'invalid_request_error', param: null, code: null, ...error } });

describe('what a status of the backend means', () => {
  it.each([400, 409, 413, 415, 422])('a refusal of the request keeps its status: %s', (status) => {
    const error = of(status, envelope({ param: 'seed', code: 'invalid_value' }));
    expect([error.code, error.httpStatus, toEnvelope(error).error]).toEqual(['upstream_refused', status, { message: 'Words.', type: 'invalid_request_error', param: 'seed', code: 'invalid_value' }]);
  });

  it.each([401, 403])('a refused credential (%s) is told to the operator only, without the words of the backend', (status) => {
    const error = of(status, envelope({ message: 'Bad key sk-secret.' }));
    expect(reasonOf(error)).toBe(`The backend refused the credential (HTTP ${status}).`);
    expect(JSON.stringify(toEnvelope(error))).not.toMatch(/credential|secret/);
  });

  it('the reason of a refused request holds nothing of it', () => {
    expect(reasonOf(of(400, envelope({ message: 'Your prompt was: hush.' })))).toBe('The backend answered HTTP 400.');
  });

  it('a class name and a number are put into the words of OpenAI', () => {
    const error = of(400, { error: { message: "This model's maximum context length is 8 tokens.", type: 'BadRequestError', param: '', code: 400 } });
    expect(toEnvelope(error).error).toMatchObject({ type: 'invalid_request_error', code: 'context_length_exceeded', param: null });
  });

  it('the bodies of FastAPI are refusals too', () => {
    expect(of(400, { detail: 'n must be 1' })).toMatchObject({ code: 'upstream_refused', message: 'n must be 1' });
    expect(toEnvelope(of(422, { detail: [{ loc: ['body', 'seed'], msg: 'not a number' }] })).error).toMatchObject({ message: 'not a number', param: 'seed' });
  });

  it('so are errors without an envelope, as vLLM before 0.11 and the API of Mistral write them', () => {
    expect(toEnvelope(of(400, { object: 'error', message: 'n must be 1', type: 'BadRequestError', param: null, code: 400 })).error).toEqual({ message: 'n must be 1', type: 'invalid_request_error', param: null, code: null });
    const detail = [{ type: 'extra_forbidden', loc: ['body', 'seed'], msg: 'Extra inputs are not permitted', input: 1 }];
    expect(toEnvelope(of(422, { object: 'error', message: { detail }, type: 'invalid_request_error', param: null, code: null })).error).toMatchObject({ message: 'Extra inputs are not permitted', param: 'seed' });
    expect(of(400, { message: 'a proxy in between' }).code).toBe('upstream_error');
  });

  it('a refusal without words of its own is rubbish', () => {
    expect([of(400, '<html>').code, of(400, '').code, of(400, '[]').code]).toEqual(['upstream_error', 'upstream_error', 'upstream_error']);
  });

  it.each([401, 402, 403, 404, 405, 407, 500, 502, 503, 302, 204])('%s is not the fault of the client, and says nothing', (status) => {
    const error = of(status, envelope({ message: 'planted secret' }));
    expect([error.code, error.httpStatus]).toEqual(['upstream_error', 502]);
    expect(error.message).not.toContain('planted');
  });

  it.each([408, 504])('%s is a timeout', (status) => {
    expect(of(status)).toMatchObject({ code: 'upstream_timeout', httpStatus: 504 });
  });

  it.each([
    ['17', 17],
    ['0', 1],
    ['2.5', 2.5],
    ['99999999', RETRY_AFTER_LIMIT_SECONDS],
    [new Date(NOW + 30_000).toUTCString(), 30],
    ['soon', undefined],
    [undefined, undefined],
  ])('Retry-After %s is %s seconds', (header, seconds) => {
    expect(of(429, {}, header)).toMatchObject({ code: 'upstream_rate_limited', httpStatus: 429, retryAfterSeconds: seconds });
  });

  it('an account without quota is not helped by waiting', () => {
    expect(of(429, envelope({ type: 'insufficient_quota', code: 'insufficient_quota' }), '5')).toMatchObject({ code: 'upstream_error', retryAfterSeconds: undefined });
  });

  it('always gives an envelope of bounded words, whatever came', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.json(), fc.string(), fc.record({ error: fc.jsonValue() }).map((body) => JSON.stringify(body))), fc.option(fc.string(), { nil: undefined }), (status, body, retryAfter) => {
        const { error } = toEnvelope(of(status, body, retryAfter));
        expect(error.message.length).toBeGreaterThan(0);
        expect(error.message.length).toBeLessThanOrEqual(REFUSAL_MESSAGE_LIMIT_CHARACTERS);
        expect([typeof error.type, error.code === null || typeof error.code === 'string', error.param === null || typeof error.param === 'string']).toEqual(['string', true, true]);
      }),
    );
  });
});
