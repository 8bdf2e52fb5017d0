export { createModelRegistry } from './model-registry.module.ts';
export { modelRegistryConfig, type ModelRegistryConfig } from './config.ts';
