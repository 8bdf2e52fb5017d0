import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { isAlive } from '../data-folder/process-identity.ts';
import { CommandFailed } from '../exit-code.ts';
import { MeshFile } from '../mesh/mesh-file.ts';
import { meshStackOf } from '../mesh/mesh-stack.ts';

const STACK_ENDING = /-stack$/;

/**
 * A mesh whose processes run on the stack in a folder, as far as it is easily known: of meshes only their own data folder
 * tells on which stack they run, so it is looked for in the usual one and in the one after which the stack is named.
 */
export function meshOnStack(stackData: string, usualData: string): DataFolder | undefined {
  const places = [usualData, ...(STACK_ENDING.test(stackData) ? [stackData.replace(STACK_ENDING, '')] : [])].map(dataFolder);
  return places.find((folder) => runsOn(folder, stackData));
}

/** A file of a mesh that cannot be read keeps nobody from stopping a stack. */
function runsOn(folder: DataFolder, stackData: string): boolean {
  try {
    return meshStackOf(folder, `${folder.root}-stack`) === stackData && Object.values(new MeshFile(folder.mesh).processes).some(isAlive);
  } catch (error) {
    if (error instanceof CommandFailed) return false;
    throw error;
  }
}
