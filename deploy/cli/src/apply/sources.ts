import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isUtf8 } from 'node:buffer';
import { processEnvironment } from '@sluice/config';
import { weightsFileName } from '@sluice/local-engine/weights';
import { dataFolder } from '../data-folder/data-folder.ts';
import { isKeyText } from '../platform-api/key-text.ts';
import type { FileDeployment, SecretSource } from './platform-file.ts';

/** As much the platform takes of a key for a server. */
const MAX_SECRET_BYTES = 8 * 1024;
/** As much it takes of a rule. */
const MAX_WORDS_FILE_BYTES = 8 * 1024 * 1024;
const GGUF_MAGIC = 'GGUF';

interface Fault {
  readonly fault: string;
}

/** Weights that can be brought to the platform. */
export interface Weights {
  readonly digest: string;
  /** Puts them into the data folder; gives what the platform is told. */
  place(signal: AbortSignal): Promise<{ readonly path: string; readonly digest: string }>;
}

/** What a platform file names and does not hold: keys for servers, weights, lists of words. */
export interface Sources {
  secret(source: SecretSource): { readonly text: string } | Fault;
  weights(deployment: FileDeployment): Promise<Weights | Fault>;
  words(file: string): { readonly words: string[] } | Fault;
}

/** @param folder of the platform file, from which its paths are seen */
export function sourcesOf({ folder, dataDir }: { readonly folder: string; readonly dataDir: string }): Sources {
  return {
    secret: ({ env, file }) => (env !== undefined ? secretOf(processEnvironment[env], `the environment variable ${env}`) : secretInFile(resolve(folder, file!))),
    weights: async (deployment) => weightsOf(deployment, folder, dataDir),
    words: (file) => wordsIn(resolve(folder, file)),
  };
}

function secretInFile(file: string): { readonly text: string } | Fault {
  const bytes = read(file, MAX_SECRET_BYTES);
  return Buffer.isBuffer(bytes) ? secretOf(bytes.toString('utf8'), `the file ${file}`) : bytes;
}

function secretOf(given: string | undefined, where: string): { readonly text: string } | Fault {
  const text = given?.trim() ?? '';
  if (text === '') return { fault: `${where} is ${given === undefined ? 'not set' : 'empty'}` };
  return isKeyText(text) && !/\s/.test(text) && text.length <= MAX_SECRET_BYTES ? { text } : { fault: `${where} holds no key: a key is one word of visible ASCII characters` };
}

/** A list of words, a word a line. */
function wordsIn(file: string): { readonly words: string[] } | Fault {
  const bytes = read(file, MAX_WORDS_FILE_BYTES);
  if (!Buffer.isBuffer(bytes)) return bytes;
  if (!isUtf8(bytes)) return { fault: `the file ${file} is not text in UTF-8` };
  const words = bytes.toString('utf8').replace(/^\uFEFF/, '').split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return words.length === 0 ? { fault: `the file ${file} holds no word` } : { words };
}

async function weightsOf({ gguf, digest }: FileDeployment, folder: string, dataDir: string): Promise<Weights | Fault> {
  const kept = digest === undefined ? undefined : weightsFileName(digest.slice('sha256:'.length));
  if (kept !== undefined && existsSync(join(dataFolder(dataDir).models, kept))) return { digest: digest!, place: async () => ({ path: kept, digest: digest! }) };
  if (gguf === undefined) return { fault: 'the platform has no such weights: say where they are, with gguf' };
  const file = resolve(folder, gguf);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return { fault: `there is no file ${file}` };
  if (!(await beginsAsWeights(file))) return { fault: `${file} is not a GGUF file` };
  const found = await digestOf(file);
  if (digest !== undefined && found !== digest) return { fault: `${file} has another digest: ${found}` };
  return {
    digest: found,
    place: async (signal) => (await import('../data-folder/weights.ts')).keepWeights(file, dataDir, signal),
  };
}

async function beginsAsWeights(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(GGUF_MAGIC.length), 0, GGUF_MAGIC.length, 0);
    return buffer.toString('latin1', 0, bytesRead) === GGUF_MAGIC;
  } finally {
    await handle.close();
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

function read(file: string, limitBytes: number): Buffer | Fault {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return { fault: `there is no file ${file}` };
  if (found.size > limitBytes) return { fault: `the file ${file} is larger than ${limitBytes} bytes` };
  return readFileSync(file);
}

/** The address of a server in its one form, as the registry writes it; undefined for what is none. */
export function serverAddress(text: string): string | undefined {
  const url = /[\s?#]/.test(text) ? null : URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/chat\/completions$/, '')}`;
}

/** The gRPC address of a KServe v2 server in its one form; undefined for what is none. */
export function grpcAddress(text: string): string | undefined {
  const port = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?):([1-9]\d{0,4})$/i.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535 ? text.toLowerCase() : undefined;
}
