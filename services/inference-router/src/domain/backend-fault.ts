import type { ServiceError } from '@sluice/errors';

/**
 * What a backend did, for the operator: the cause of what the client is told. Its message is for the log and for
 * `listBackends`, and is free of content: it holds nothing that the backend sent.
 */
export class BackendFault extends Error {
  override readonly name = 'BackendFault';
  /** HTTP status of the backend's answer, where it gave one. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

/** Whatever the last check said, a call found that nothing there can answer: nothing more may be sent before a check has proved that it can. */
export class LostBackend extends BackendFault {}

/** The backend answers, and does not have the model (any more): the next check may load it. */
export class AbsentBackend extends LostBackend {}

/** Why an attempt failed, as precisely as may be told without content. */
export function reasonOf(error: ServiceError): string {
  if (error.cause instanceof BackendFault) return error.cause.message;
  return error.upstream ? 'The backend refused a request.' : error.message;
}
