export { createDataKey, dataKey, open, seal, type Sealed } from './aes-gcm.ts';
export { rootKeyFrom, type RootKey } from './root-key.ts';
export { loadRootKey, type RootKeyFileOptions } from './root-key-file.ts';
