import { InvalidArgumentError, Option, type Command } from 'commander';
import type { UpOptions } from '../up/up-options.ts';
import { examples, folderPath } from './output.ts';

const MAX_PORT = 65_535;

export function addUpCommand(program: Command): void {
  const up = addUpOptions(program.command('up').description('start the platform in the foreground; Ctrl-C stops it'));
  examples(up, ['sluice up', 'sluice up --data ./data --port 9000 --admin-port 9001', 'sluice up --host 0.0.0.0 --no-model']).action(async (options: UpOptions) => {
    const { up: run } = await import('../up/up.ts');
    await run(options);
  });
}

/** What every way to start a platform takes. */
export function addUpOptions(command: Command): Command {
  return command
    .option('--host <address>', 'address to listen on (or SLUICE_HOST; default 127.0.0.1); the admin API is on 127.0.0.1 only')
    .option('--port <port>', 'port of the OpenAI API (or SLUICE_PORT; default 8080)', port)
    .option('--admin-port <port>', 'port of the admin API (or SLUICE_ADMIN_PORT; default 8081)', port)
    .option('--grpc-port <port>', 'port of KServe v2 over gRPC, for models of tensors (or SLUICE_GRPC_PORT; not served by default)', port)
    .option('--data <dir>', 'data folder (or SLUICE_DATA; default ~/.local/share/sluice)', folderPath)
    .option('--ready-file <file>', 'write addresses and keys there when ready, as JSON, mode 0600')
    .option('--no-model', 'do not bring the demonstration model')
    .addOption(new Option('--demo-model', 'bring the demonstration model, also when it was removed before').conflicts('model'));
}

/** 0 lets the operating system choose. */
function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > MAX_PORT) throw new InvalidArgumentError(`Give a port from 0 to ${MAX_PORT}.`);
  return value;
}
