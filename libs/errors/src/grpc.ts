import { isCode, type Code } from './codes.ts';
import { ServiceError, type UpstreamRefusal } from './service-error.ts';

/** How a call over gRPC ended, as far as an error needs it. */
export interface GrpcStatus {
  /** Canonical status number (grpc.io, "Status codes and their use in gRPC"). */
  readonly code: number;
  readonly message: string;
  /** Value of the trailer `GRPC_DETAIL_KEY`: what a status cannot say. Absent from servers that are not of the house. */
  readonly detail: Uint8Array | undefined;
}

/** The suffix makes it a binary trailer, so a parameter may hold any character. */
export const GRPC_DETAIL_KEY = 'sluice-error-bin';

/** Nine bytes a character at worst (percent-encoded UTF-8), so that the trailers stay below the 64 KiB that HTTP/2 peers accept. */
export const GRPC_MESSAGE_LIMIT_CHARACTERS = 4096;
const DETAIL_LIMIT_BYTES = 8192;

/** What a status means that came without a detail: nearly always the transport's own word on a connection that broke. */
const BARE: Readonly<Record<number, Code>> = {
  1: 'backend_unavailable', // Cancelled, but not by this caller: the server let go of the call.
  4: 'deadline_exceeded',
  8: 'overloaded',
  12: 'backend_unavailable',
  13: 'backend_unavailable', // Reset streams look like this; a handler's own failure carries a detail.
  14: 'backend_unavailable',
};

/** What was said by a server, or by the transport, that does not speak the errors of the house. The cause of the ServiceError; never public. */
export class ForeignGrpcStatus extends Error {
  override readonly name = 'ForeignGrpcStatus';
  readonly grpcCode: number;

  constructor(grpcCode: number, message: string) {
    super(message);
    this.grpcCode = grpcCode;
  }
}

export function toGrpcStatus(error: ServiceError): GrpcStatus {
  const { code, param, retryAfterSeconds, upstream } = error;
  const detail = encode({ code, param, retryAfterSeconds, upstream });
  return {
    code: error.row.grpc,
    // Well formed, because half a surrogate pair cannot be percent-encoded.
    message: error.message.slice(0, GRPC_MESSAGE_LIMIT_CHARACTERS).toWellFormed(),
    detail: detail.length > DETAIL_LIMIT_BYTES ? encode({ code, retryAfterSeconds }) : detail,
  };
}

/** `service` is named in the public text when the transport failed. */
export function fromGrpcStatus(status: GrpcStatus, service: string): ServiceError {
  const known = status.detail && readDetail(status.detail);
  if (known) {
    const { code, ...detail } = known;
    return new ServiceError(code, status.message, detail);
  }
  const cause = new ForeignGrpcStatus(status.code, status.message);
  const code = BARE[status.code];
  if (!code) return ServiceError.from(cause);
  return new ServiceError(code, bareMessage(status.code, service), { cause });
}

function bareMessage(grpcCode: number, service: string): string {
  if (grpcCode === 4) return 'The call took longer than its deadline allows.';
  if (grpcCode === 8) return `The service ${service} has no room for the call.`;
  return grpcCode === 12 ? `The service ${service} is not running.` : `The service ${service} does not answer.`;
}

function encode(detail: object): Uint8Array {
  return Buffer.from(JSON.stringify(detail));
}

interface Detail {
  code: Code;
  param?: string;
  retryAfterSeconds?: number;
  upstream?: UpstreamRefusal;
}

/** Undefined for anything that `toGrpcStatus` of this or a newer version could not have written. */
function readDetail(bytes: Uint8Array): Detail | undefined {
  const { code, param, retryAfterSeconds, upstream } = parse(bytes);
  if (typeof code !== 'string' || !isCode(code)) return undefined;
  return {
    code,
    ...(typeof param === 'string' && { param }),
    ...(typeof retryAfterSeconds === 'number' && { retryAfterSeconds }),
    ...(isUpstream(upstream) && { upstream }),
  };
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Some other server's trailer of that name: as good as none.
    return {};
  }
}

function isUpstream(value: unknown): value is UpstreamRefusal {
  if (typeof value !== 'object' || value === null) return false;
  const { status, type, code, param } = value as Record<string, unknown>;
  const isTextOrNull = (field: unknown) => field === null || typeof field === 'string';
  return typeof status === 'number' && typeof type === 'string' && isTextOrNull(code) && isTextOrNull(param);
}
