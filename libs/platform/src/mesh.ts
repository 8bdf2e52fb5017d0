export { createMeshPlatform, type MeshPlatform, type MeshPlatformOptions } from './mesh-platform.ts';
