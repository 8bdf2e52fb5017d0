export { ConfigError, readConfig, type Environment } from './config.ts';
