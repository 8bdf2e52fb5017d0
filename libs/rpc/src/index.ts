export type { CallOptions, Client, HandlerContext, Implementation, Transport } from './service.ts';
export { InProcessTransport, type InProcessOptions } from './in-process.ts';
