import type { ServiceError } from '@sluice/errors';
import type { Usage } from '@sluice/proto/chat/v1/chat';
import type { Deployment } from './deployment.ts';

/** What is deployed. */
export interface Registry {
  /** True when the organisation has this model, as far as is known here. Throws `backend_unavailable` while nothing is known yet. */
  knows(organisationId: string, modelId: string): boolean;
  /** Reads the owner again; resolves when that is done, failed or took too long. */
  reread(): Promise<void>;
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
