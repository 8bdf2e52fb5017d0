import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** The digest of a file in hexadecimal digits. */
export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { ...(signal && { signal }) });
  return hash.digest('hex');
}

/** True when the file is there and is exactly that one. The size is looked at first, because it costs nothing. */
export async function isFile(path: string, expected: { readonly sizeBytes: number; readonly sha256: string }, signal?: AbortSignal): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && found.size === expected.sizeBytes && (await sha256File(path, signal)) === expected.sha256;
}
