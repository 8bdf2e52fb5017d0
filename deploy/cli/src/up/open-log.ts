import { createLogger, telemetryConfig, type Logger } from '@sluice/telemetry';
import { readConfig } from '@sluice/config';
import { LogFile } from './log-file.ts';
import { showLoudLine } from './terminal-log.ts';

export interface OpenLog {
  readonly logger: Logger;
  close(): void;
}

/** All lines as JSON in the file; warnings and errors in words on the terminal too. */
export function openLog(path: string): OpenLog {
  const file = new LogFile(path);
  const { SLUICE_LOG_LEVEL: level } = readConfig({ SLUICE_LOG_LEVEL: telemetryConfig.SLUICE_LOG_LEVEL });
  const destination = {
    write(line: string): void {
      file.write(line);
      showLoudLine(line, process.stderr);
    },
  };
  return { logger: createLogger({ level, destination }), close: () => file.close() };
}
