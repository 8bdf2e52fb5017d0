import { systemClock } from '@sluice/clock';
import { createLogger, type Logger, type TelemetryConfig } from '@sluice/telemetry';
import { LogFile } from './log-file.ts';
import { TerminalLog } from './terminal-log.ts';

export interface OpenLog {
  readonly logger: Logger;
  close(): void;
}

/** All lines as JSON in the file; warnings and errors in words on the terminal too. */
export function openLog(path: string, level: TelemetryConfig['SLUICE_LOG_LEVEL']): OpenLog {
  const file = new LogFile(path);
  const terminal = new TerminalLog(process.stderr, systemClock);
  const destination = {
    write(line: string): void {
      file.write(line);
      terminal.show(line);
    },
  };
  return { logger: createLogger({ level, destination }), close: () => file.close() };
}
