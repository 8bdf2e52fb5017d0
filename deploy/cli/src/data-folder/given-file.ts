import { readFileSync, statSync } from 'node:fs';
import { CommandFailed } from '../exit-code.ts';
import { printableLine } from '../terminal/printable.ts';
import { explainErrno } from './explain-errno.ts';

/**
 * Reads a file that was named on the command line.
 *
 * @param mend what to do about one that is larger
 * @throws CommandFailed that names the file, also where the system's error does not
 */
export function readGivenFile(path: string, maxBytes: number, mend = ''): Buffer {
  const shown = printableLine(path);
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) throw new CommandFailed(`There is no file ${shown}.`);
    if (found.size > maxBytes) throw new CommandFailed(`${shown} is larger than ${maxBytes} bytes${mend === '' ? '' : `; ${mend}`}.`);
    return readFileSync(path);
  } catch (error) {
    const told = explainErrno(error, shown, 'Give another path.');
    throw told === undefined ? error : new CommandFailed(told, { cause: error });
  }
}
