import { existsSync } from 'node:fs';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { MeshFile } from './mesh-file.ts';

/**
 * Data folder of the stack of the mesh in this folder; undefined where no mesh ran there.
 *
 * @param usual where a mesh looks that is told none
 */
export function meshStackOf(folder: DataFolder, usual: string): string | undefined {
  return existsSync(folder.mesh) ? (new MeshFile(folder.mesh).stack ?? usual) : undefined;
}
