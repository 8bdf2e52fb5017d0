import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { StackError } from '../stack-error.ts';

/** @throws StackError when the file is not the one that is pinned */
export async function checkDigest(path: string, sha256: string): Promise<void> {
  const found = await digestOf(path);
  if (found !== sha256) throw new StackError(`${path} is not what it should be: its SHA-256 digest is ${found}, and ${sha256} is pinned. It was not used. Whatever serves this file serves another one.`);
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
