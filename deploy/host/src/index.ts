export { startHost, type Host, type HostOptions } from './host.ts';
export { hostConfig, hostShape, type HostConfig } from './host-config.ts';
export { kafkaServersIn, readKafkaServers } from './kafka-config.ts';
export { addressesIn, addressSetting, meshShape, meshShapeFor } from './mesh-config.ts';
export { openWayToDatabase, openWayText, openWayToRedis, type OpenWay } from './open-way.ts';
export { HealthServer, type HealthServerOptions } from './health-server.ts';
