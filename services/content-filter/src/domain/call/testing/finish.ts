/** What comes of work that is done in stretches, without a pause between them. */
export function finish<T>(run: Generator<void, T>): T {
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
  }
}
