import type { ServiceError } from '@sluice/errors';
import type { Usage } from '@sluice/proto/chat/v1/chat';
import type { Deployment } from './deployment.ts';

/** What is deployed; answers from memory. */
export interface Registry {
  /** The id of the model with this name or alias. Throws `backend_unavailable` while nothing is known yet. */
  resolve(organisationId: string, name: string): string | undefined;
}

/** Figures and traces of what the router does; learns counts and durations, never content. */
export interface Meter {
  attempt(deployment: Deployment): AttemptMeter;
}

export interface AttemptMeter {
  /** Runs the work as part of the attempt's trace. */
  run<T>(work: () => T): T;
  firstToken(): void;
  end(outcome: { readonly usage: Usage | undefined; readonly error: ServiceError | undefined }): void;
}
