import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@sluice/telemetry';

/** Nest's own words in the house's log: its start-up chatter as debug, its complaints as they are. */
export function nestLogger(logger: Logger): LoggerService {
  const nest = logger.child({ part: 'nest' });
  return {
    log: (message: unknown) => nest.debug({}, text(message)),
    debug: (message: unknown) => nest.debug({}, text(message)),
    verbose: (message: unknown) => nest.debug({}, text(message)),
    warn: (message: unknown) => nest.warn({}, text(message)),
    error: (message: unknown) => nest.error(message instanceof Error ? { error: message } : {}, text(message)),
    fatal: (message: unknown) => nest.error(message instanceof Error ? { error: message } : {}, text(message)),
  };
}

function text(message: unknown): string {
  return message instanceof Error ? message.message : String(message);
}
