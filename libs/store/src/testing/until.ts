/** A bound for what never comes true, not a measure of speed. */
const WAIT_LIMIT_MS = 60_000;

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + WAIT_LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error('the condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
