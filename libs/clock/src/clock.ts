/** A timer that can be taken back. */
export interface Timer {
  cancel(): void;
}

/** Time, as a parameter. Domain code never reads the system's clock by itself. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. For records and display. */
  wallMs(): number;
  /** Milliseconds on a clock that only goes forward. For deadlines and durations. */
  monotonicMs(): number;
  after(delayMs: number, run: () => void): Timer;
  every(periodMs: number, run: () => void): Timer;
}

/** The machine's clocks. Timers do not keep a process alive. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, run) {
    const handle = setInterval(run, periodMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};
