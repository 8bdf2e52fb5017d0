export { startRoom } from './disk-room.ts';
export type { Platform } from './platform.ts';
export { createEmbeddedPlatform, type EmbeddedPlatform, type EmbeddedPlatformOptions } from './embedded-platform.ts';
export { checkRootKey, isBegun, OtherRootKeyError } from './root-key-check.ts';
