export { CODES, isCode, type Code, type CodeRow } from './codes.ts';
export { ServiceError, type ServiceErrorDetail, type UpstreamRefusal } from './service-error.ts';
export { toEnvelope, retryAfterSeconds, type ErrorEnvelope } from './envelope.ts';
