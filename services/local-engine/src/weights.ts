export { DEMO_MODEL } from './weights/demo-model.ts';
export { fetchDemoModel, type FetchDemoModel, type FetchedModel, type FetchProgress } from './weights/fetch-demo-model.ts';
export { inUnfinishedFolder } from './weights/unfinished-folder.ts';
export { unpackWeights, weightsFileName, type UnpackedWeights, type UnpackWeights } from './weights/unpack-weights.ts';
