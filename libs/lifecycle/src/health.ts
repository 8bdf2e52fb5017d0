/** What a part says of itself. A part that is not ready makes the process not ready; degraded still serves. */
export interface HealthState {
  readonly status: 'ok' | 'degraded' | 'down';
  /** For an operator; no content of calls. */
  readonly detail?: string;
}

export interface HealthReport extends HealthState {
  readonly checks: Readonly<Record<string, HealthState>>;
}

/** The parts of this process and how they are; read by `/readyz`. */
export class Health {
  readonly #checks = new Map<string, () => HealthState>();

  register(name: string, check: () => HealthState): void {
    if (this.#checks.has(name)) throw new Error(`health check ${name} registered twice`);
    this.#checks.set(name, check);
  }

  report(): HealthReport {
    const checks = Object.fromEntries([...this.#checks].map(([name, check]) => [name, check()]));
    const states = Object.values(checks).map(({ status }) => status);
    return { status: states.includes('down') ? 'down' : states.includes('degraded') ? 'degraded' : 'ok', checks };
  }
}
