import { existsSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandFailed } from '../exit-code.ts';
import { writePrivateFile } from './private-file.ts';

/**
 * Looks whether a file can be written there later, by writing one beside it; leaves nothing behind.
 *
 * @param name what people call the file, for the middle of a sentence
 * @throws CommandFailed when it cannot
 */
export function checkPlaceForFile(path: string, name: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) throw new CommandFailed(`There is no folder ${folder} for ${name}.`);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new CommandFailed(`${path} is a folder where ${name} should be. Give another path.`);
  const trial = `${path}.${process.pid}.trial`;
  try {
    writePrivateFile(trial, '');
  } catch (error) {
    throw new CommandFailed(`${folder} takes no file, so ${name} cannot be there (${(error as NodeJS.ErrnoException).code}). Give another path.`, { cause: error });
  } finally {
    rmSync(trial, { force: true });
  }
}
