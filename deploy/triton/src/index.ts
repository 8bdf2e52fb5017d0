export { bringModels, type BringModels } from './bring-models.ts';
