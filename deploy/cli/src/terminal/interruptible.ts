import { CommandFailed } from '../exit-code.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Work that is given up with Ctrl-C: the signal of the work aborts, and it undoes what it has made before this throws
 * `cancelled`. A second Ctrl-C ends the process at once, as it would without this.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const cancel = new AbortController();
  const onSignal = (): void => {
    letGo();
    cancel.abort(new CommandFailed('cancelled'));
  };
  const letGo = (): void => SIGNALS.forEach((name) => void process.off(name, onSignal));
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(cancel.signal);
  } catch (error) {
    throw cancel.signal.aborted ? cancel.signal.reason : error;
  } finally {
    letGo();
  }
}
