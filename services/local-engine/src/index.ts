export { createLocalEngine } from './local-engine.module.ts';
export { localEngineConfig, type LocalEngineConfig } from './config.ts';
