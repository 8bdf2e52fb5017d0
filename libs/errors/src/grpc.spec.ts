import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CODES, ForeignGrpcStatus, GRPC_MESSAGE_LIMIT_CHARACTERS, ServiceError, fromGrpcStatus, toGrpcStatus, type Code } from './index.ts';

const codes = fc.constantFrom(...(Object.keys(CODES) as Code[]));
const textOrNull = fc.option(fc.string(), { nil: null });
const upstream = fc.record({ status: fc.integer({ min: 400, max: 599 }), type: fc.string(), code: textOrNull, param: textOrNull });
const detail = fc.record({ param: fc.string({ unit: 'binary' }), retryAfterSeconds: fc.double({ min: 0, max: 86_400, noNaN: true }).map((seconds) => seconds + 0), upstream }, { requiredKeys: [] });
const visible = ({ code, message, param, retryAfterSeconds, upstream }: ServiceError) => ({ code, message, param, retryAfterSeconds, upstream });

describe('an error over gRPC', () => {
  it('comes out as it went in, with the canonical status of its code', () => {
    fc.assert(fc.property(codes, fc.string({ unit: 'binary' }), detail, (code, message, rest) => {
      const error = new ServiceError(code, message, { ...rest, cause: new Error('for the log') });
      const status = toGrpcStatus(error);
      expect(status.code).toBe(CODES[code].grpc);
      expect(visible(fromGrpcStatus(status, 's'))).toEqual(visible(error));
    }));
  });

  it('never carries its cause', () => {
    const { message, detail: bytes } = toGrpcStatus(ServiceError.from(new TypeError('planted secret')));
    expect(message + Buffer.from(bytes!).toString()).not.toContain('planted secret');
  });

  it('fits into trailers, whatever its size, and can be percent-encoded', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 3 * GRPC_MESSAGE_LIMIT_CHARACTERS, maxLength: 4 * GRPC_MESSAGE_LIMIT_CHARACTERS }), (text) => {
      const status = toGrpcStatus(new ServiceError('upstream_refused', `\ud800${text}`, { param: text, retryAfterSeconds: 3 }));
      expect(encodeURI(status.message).length + status.detail!.length * (4 / 3)).toBeLessThan(60_000);
      expect(fromGrpcStatus(status, 's')).toMatchObject({ code: 'upstream_refused', retryAfterSeconds: 3 });
    }), { numRuns: 10 });
  });

  it.each([[1, 'backend_unavailable'], [2, 'internal'], [3, 'internal'], [4, 'deadline_exceeded'], [8, 'overloaded'], [12, 'backend_unavailable'], [13, 'backend_unavailable'], [14, 'backend_unavailable'], [16, 'internal']] as const)(
    'reads the bare status %i as %s, and shows nothing of what a stranger wrote', (code, expected) => {
      const error = fromGrpcStatus({ code, message: 'planted secret', detail: undefined }, 'sluice.audit.v1.AuditService');
      expect(error.code).toBe(expected);
      expect(error.message).not.toContain('planted');
      expect(error.cause).toMatchObject({ grpcCode: code, message: 'planted secret' });
      expect(error.cause).toBeInstanceOf(ForeignGrpcStatus);
    },
  );

  it('takes a detail that it cannot read for none', () => {
    fc.assert(fc.property(fc.oneof(fc.uint8Array(), fc.json().map((json) => new TextEncoder().encode(json)), fc.constant(new TextEncoder().encode('{"code":"toString"}'))), (bytes) => {
      expect(fromGrpcStatus({ code: 14, message: 'm', detail: bytes }, 's').code).toBe('backend_unavailable');
    }));
    const halfKnown = new TextEncoder().encode('{"code":"overloaded","param":7,"retryAfterSeconds":"soon","upstream":{"status":1},"more":true}');
    expect(visible(fromGrpcStatus({ code: 14, message: 'm', detail: halfKnown }, 's'))).toEqual({ code: 'overloaded', message: 'm', param: undefined, retryAfterSeconds: undefined, upstream: undefined });
  });
});
