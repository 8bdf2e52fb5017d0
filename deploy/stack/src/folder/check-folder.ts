import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { StackError } from '../stack-error.ts';
import type { StackFolder } from './stack-folder.ts';

/** A mounted disk holds this folder although nobody put anything there. */
const OF_THE_FILE_SYSTEM = 'lost+found';

/** @throws StackError for a folder in which somebody keeps other things: a stack in it could write over them, and a reset would delete them */
export async function checkFolder(folder: StackFolder): Promise<void> {
  if (folder.root.includes(',')) throw new StackError(`Kafka takes no folder with a comma in its path: ${folder.root}. Give another one with --data.`);
  const names = await readdir(folder.root).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error.code === 'ENOTDIR' ? new StackError(`${folder.root} is not a folder. Give another one with --data.`) : error;
  });
  if (names.includes(basename(folder.choices))) return;
  // What a first start makes before it decides anything, it may have left when it was killed.
  const own = [OF_THE_FILE_SYSTEM, ...[folder.lock, folder.logs, folder.choices].map((path) => basename(path))];
  const isOwn = (name: string): boolean => own.some((one) => name === one || name.startsWith(`${one}.`));
  if (!names.every(isOwn)) throw new StackError(`${folder.root} holds other things and is no data folder of a stack. Give a new or an empty folder with --data.`);
}
