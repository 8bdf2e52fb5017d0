import { z } from 'zod';
import { CommandFailed } from '../exit-code.ts';
import type { DataFolder } from './data-folder.ts';
import { readFileIfThere, writePrivateFile } from './private-file.ts';

/** Raised with every change of the data folder that an older Sluice would not understand. */
export const LAYOUT_VERSION = 1;

const layout = z.object({ version: z.int().positive() });

/** Refuses a folder of a newer Sluice. A folder without a version is a new one. */
export function checkLayout(folder: DataFolder): void {
  const text = readFileIfThere(folder.layout);
  if (text === undefined) return;
  const version = readVersion(text);
  if (version === undefined) throw new CommandFailed(`${folder.layout} is damaged. Restore the data folder from a backup: sluice restore DIR`);
  if (version > LAYOUT_VERSION) {
    throw new CommandFailed(
      `The data folder ${folder.root} was written by a newer Sluice (layout ${version}; this one knows ${LAYOUT_VERSION}).\nStart that newer version, or give another folder with --data.`,
    );
  }
}

export function writeLayout(folder: DataFolder): void {
  if (readFileIfThere(folder.layout) === undefined) writePrivateFile(folder.layout, `${JSON.stringify({ version: LAYOUT_VERSION })}\n`);
}

function readVersion(text: string): number | undefined {
  try {
    return layout.parse(JSON.parse(text)).version;
  } catch {
    return undefined;
  }
}
