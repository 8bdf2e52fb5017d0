export type { CallOptions, Client, HandlerContext, Implementation, Transport } from './service.ts';
export { InProcessTransport, type InProcessOptions } from './in-process.ts';
export { MESSAGE_LIMIT_BYTES } from './wire-message.ts';
