export { createGateway, GatewayAddresses } from './gateway.module.ts';
export { gatewayConfig, type GatewayConfig } from './config.ts';
export { ListenError } from './http/listen.ts';
