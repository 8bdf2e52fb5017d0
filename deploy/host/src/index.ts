export { startHost, type Host, type HostOptions } from './host.ts';
export { hostConfig, hostShape, type HostConfig } from './host-config.ts';
