export type { RootKey } from './root-key.ts';
