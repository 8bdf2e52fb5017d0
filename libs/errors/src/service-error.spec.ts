import { describe, expect, it } from '@jest/globals';
import { CODES, ServiceError, retryAfterSeconds, toEnvelope } from './index.ts';

describe('ServiceError', () => {
  it('turns a programmer error into internal without its message', () => {
    const error = ServiceError.from(new TypeError('secret detail'));
    expect(error.code).toBe('internal');
    expect(JSON.stringify(toEnvelope(error))).not.toContain('secret detail');
  });

  it('keeps the reason of an abort that carries one', () => {
    const reason = new ServiceError('epoch_lost', 'gone');
    expect(ServiceError.from(Object.assign(new DOMException('x', 'AbortError'), { reason }))).toBe(reason);
  });

  it('builds all four keys for every code', () => {
    for (const code of Object.keys(CODES) as (keyof typeof CODES)[]) {
      expect(Object.keys(toEnvelope(new ServiceError(code, 'm')).error).sort()).toEqual(['code', 'message', 'param', 'type']);
    }
  });

  it('passes an upstream refusal on with its own status, type, code and param', () => {
    const error = new ServiceError('upstream_refused', 'bad thing', { upstream: { status: 422, type: 't', code: null, param: 'p' } });
    expect(error.httpStatus).toBe(422);
    expect(toEnvelope(error).error).toEqual({ message: 'bad thing', type: 't', param: 'p', code: null });
  });

  it('asks for a retry only where one can help', () => {
    expect(retryAfterSeconds(new ServiceError('invalid_type', 'm'))).toBeUndefined();
    expect(retryAfterSeconds(new ServiceError('overloaded', 'm'))).toBe(1);
    expect(retryAfterSeconds(new ServiceError('overloaded', 'm', { retryAfterSeconds: 4.2 }))).toBe(5);
  });
});
