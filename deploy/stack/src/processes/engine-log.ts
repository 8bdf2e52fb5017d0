import { open, rename, stat } from 'node:fs/promises';

/** Above this a log is put aside at the next start; the one put aside before is lost. */
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
const TAIL_BYTES = 64 * 1024;

/** Keeps the log of the last runs and of those before within bounds. */
export async function turnLog(path: string): Promise<void> {
  const size = await stat(path).then((stats) => stats.size, () => 0);
  if (size > LOG_LIMIT_BYTES) await rename(path, `${path}.1`);
}

/** The last whole lines, at most so many. Empty when there is no log. */
export async function logTail(path: string, lines: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const position = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(TAIL_BYTES), position });
    const text = buffer.toString('utf8', 0, bytesRead);
    const whole = position === 0 ? text : text.slice(text.indexOf('\n') + 1);
    return whole.trimEnd().split('\n').slice(-lines).join('\n');
  } finally {
    await file.close();
  }
}
