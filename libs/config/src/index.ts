export { ConfigError, processEnvironment, readConfig, type Environment } from './config.ts';
