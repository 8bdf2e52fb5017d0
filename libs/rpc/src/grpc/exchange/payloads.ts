import { ServiceError, fromGrpcStatus, toGrpcStatus } from '@sluice/errors';
import type { CallOptions } from '../../service.ts';

/** What a caller says of a call: the path of its rpc, its deadline, its metadata. */
export type OpenHead = readonly [path: string, timeoutMs: number | null, metadata: Readonly<Record<string, string>>];

export function encodeOpen(path: string, { timeoutMs, metadata = {} }: CallOptions): Uint8Array {
  const head: OpenHead = [path, timeoutMs ?? null, metadata];
  return Buffer.from(JSON.stringify(head));
}

/** Throws for what is no head. */
export function decodeOpen(payload: Uint8Array): OpenHead {
  const [path, timeoutMs, metadata] = JSON.parse(textOf(payload)) as OpenHead;
  const isTime = timeoutMs === null || typeof timeoutMs === 'number';
  if (typeof path !== 'string' || !isTime || typeof metadata !== 'object' || metadata === null || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw new TypeError('what came over an exchange begins no call');
  }
  return [path, timeoutMs, metadata];
}

/** Status, message and detail of gRPC, so that an error is the same as on a stream of its own. */
export function encodeFailure(thrown: unknown): Uint8Array {
  const { code, message, detail } = toGrpcStatus(ServiceError.from(thrown));
  return Buffer.from(JSON.stringify([code, message, detail ? Buffer.from(detail).toString() : null]));
}

export function decodeFailure(payload: Uint8Array, service: string): ServiceError {
  const [code, message, detail] = JSON.parse(textOf(payload)) as [number, string, string | null];
  return fromGrpcStatus({ code, message, detail: detail === null ? undefined : Buffer.from(detail) }, service);
}

export function encodeRoom(bytes: number): Uint8Array {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes);
  return payload;
}

/** Throws a RangeError where there is no number. */
export function decodeRoom(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(0);
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
}
