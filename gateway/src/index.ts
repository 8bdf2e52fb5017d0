export { createGateway, GatewayAddresses } from './gateway.module.ts';
export { gatewayConfig, type GatewayConfig } from './config.ts';
export { outputView } from './http/admin/call-detail.ts';
export { ListenError } from './http/listen.ts';
