import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { GRPC_DETAIL_KEY, ServiceError, fromGrpcStatus, toGrpcStatus } from '@sluice/errors';

export function toMetadata(entries: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}

/** The first value of each key; binary ones are no business of a handler. */
export function fromMetadata(metadata: Metadata): Record<string, string> {
  const texts = Object.entries(metadata.getMap()).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts);
}

/** What a handler threw, as grpc-js sends it. */
export function toCallError(thrown: unknown): Error & StatusObject {
  const { code, message, detail } = toGrpcStatus(ServiceError.from(thrown));
  const metadata = new Metadata();
  if (detail) metadata.set(GRPC_DETAIL_KEY, Buffer.from(detail));
  return Object.assign(new Error(message), { code, details: message, metadata });
}

/** What grpc-js says of a call that failed. */
export function fromCallError(failure: Error, service: string): ServiceError {
  if (!isStatus(failure)) return ServiceError.from(failure);
  const [detail] = failure.metadata.get(GRPC_DETAIL_KEY);
  return fromGrpcStatus({ code: failure.code, message: failure.details, detail: Buffer.isBuffer(detail) ? detail : undefined }, service);
}

function isStatus(failure: Error): failure is Error & StatusObject {
  return 'code' in failure && typeof failure.code === 'number' && 'metadata' in failure && failure.metadata instanceof Metadata;
}
