import { createInterface } from 'node:readline/promises';

/** Asks on the terminal; whatever is no yes is a no: also Ctrl-C, and a terminal that is closed. */
export async function isAgreed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const gone = new AbortController();
  terminal.once('close', () => gone.abort());
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal: gone.signal })).trim());
  } catch (error) {
    if (!gone.signal.aborted) throw error;
    return false;
  } finally {
    terminal.close();
  }
}
