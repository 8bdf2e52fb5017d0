import type { HealthState } from '@sluice/lifecycle';

/** What a service says of itself, which is made of several parts. */
export function worst(states: readonly HealthState[]): HealthState {
  return states.find(({ status }) => status === 'down') ?? states.find(({ status }) => status === 'degraded') ?? { status: 'ok' };
}
