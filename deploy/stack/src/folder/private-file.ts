import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import type { z } from 'zod';
import { StackError } from '../stack-error.ts';

/** Writes a file that only its owner may read; a reader sees all of it or the one before, also after a crash. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

export async function writePrivateJson(path: string, value: unknown): Promise<void> {
  await writePrivateFile(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** Undefined when there is no such file. @throws StackError when it is not of this shape, with the mend in a sentence */
export async function readPrivateJson<Shape extends z.ZodType>(path: string, shape: Shape, mend: string): Promise<z.output<Shape> | undefined> {
  const text = await readFileIfThere(path);
  if (text === undefined) return undefined;
  const parsed = shape.safeParse(parse(text));
  if (!parsed.success) throw new StackError(`${path} cannot be read: it is damaged, or of another version. ${mend}`);
  return parsed.data;
}

export async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
