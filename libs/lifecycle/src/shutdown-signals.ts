/** Where signals come from: `process`, or an emitter in a test. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

export interface ShutdownHandlers {
  /** The first signal: stop taking work, let running work end, stop in order. */
  readonly drain: (signal: NodeJS.Signals) => void;
  /** Any signal after it: the person does not want to wait. */
  readonly hardStop: (signal: NodeJS.Signals) => void;
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Ctrl-C in a terminal reaches the whole process group, and launchers such as npm hand on what they get too: the same
 * signal again within this time is an echo of the first, not a second wish.
 */
const ECHO_MS = 200;

/** Tells a first wish to stop from the second one. The returned function lets go of the signals. */
export function onShutdownSignals(handlers: ShutdownHandlers, source: SignalSource = process, nowMs: () => number = () => performance.now()): () => void {
  let firstMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const atMs = nowMs();
    if (firstMs === undefined) {
      firstMs = atMs;
      handlers.drain(signal);
    } else if (atMs - firstMs >= ECHO_MS) {
      handlers.hardStop(signal);
    }
  };
  for (const signal of SIGNALS) source.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) source.off(signal, onSignal);
  };
}
