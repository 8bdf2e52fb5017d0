export { startHost, type Host, type HostOptions } from './host.ts';
export { hostConfig, type HostConfig } from './host-config.ts';
