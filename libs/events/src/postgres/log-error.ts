import { ServiceError } from '@sluice/errors';
import { SqlError } from '@sluice/sql';

const AWAY_RETRY_SECONDS = 1;
const FULL_RETRY_SECONDS = 30;

/** What a failure of the database means to someone who writes to the log. */
export function toLogError(thrown: unknown): ServiceError {
  if (!(thrown instanceof SqlError)) return ServiceError.from(thrown);
  switch (thrown.kind) {
    case 'disk_full':
      return noRoom(thrown);
    // A statement that ran out of time may have been in its commit: its fate is as unknown as after a lost connection.
    case 'unavailable':
    case 'timeout':
    case 'conflict':
      return new ServiceError('audit_log_unavailable', 'The event log does not answer.', { cause: thrown, retryAfterSeconds: AWAY_RETRY_SECONDS });
    case 'unique_violation':
    case 'refused':
      return ServiceError.from(thrown);
  }
}

/** Nothing was written; the same append succeeds when there is room again. */
export function noRoom(cause?: unknown): ServiceError {
  return new ServiceError('disk_full', 'The event log has no room left.', { cause, retryAfterSeconds: FULL_RETRY_SECONDS });
}
