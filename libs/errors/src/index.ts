export { CODES, isCode, type Code, type CodeRow } from './codes.ts';
export { ServiceError, type ServiceErrorDetail, type UpstreamRefusal } from './service-error.ts';
export { toEnvelope, retryAfterSeconds, type ErrorEnvelope } from './envelope.ts';
export { ForeignGrpcStatus, GRPC_DETAIL_KEY, GRPC_MESSAGE_LIMIT_CHARACTERS, fromGrpcStatus, toGrpcStatus, type GrpcStatus } from './grpc.ts';
