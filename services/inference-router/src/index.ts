export { createInferenceRouter } from './inference-router.module.ts';
export { inferenceRouterConfig, type InferenceRouterConfig } from './config.ts';
