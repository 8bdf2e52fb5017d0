import { InvalidArgumentError, Option, type Command } from 'commander';
import { WrongUse } from '../exit-code.ts';
import type { UpOptions } from '../up/up-options.ts';
import { examples, folderPath } from './output.ts';

const MAX_PORT = 65_535;

export function addUpCommand(program: Command): void {
  const up = program
    .command('up')
    .description('start the platform in the foreground; Ctrl-C stops it')
    .addOption(new Option('--host <address>', 'address to listen on (the admin API is on 127.0.0.1 only)').default('127.0.0.1').env('SLUICE_HOST'))
    .addOption(new Option('--port <port>', 'port of the OpenAI API').argParser(port).default(8080).env('SLUICE_PORT'))
    .addOption(new Option('--admin-port <port>', 'port of the admin API').argParser(port).default(8081).env('SLUICE_ADMIN_PORT'))
    .option('--data <dir>', 'data folder (or SLUICE_DATA; default ~/.local/share/sluice)', folderPath)
    .option('--ready-file <file>', 'write addresses and keys there when ready, as JSON, mode 0600')
    .option('--no-model', 'do not bring the demonstration model')
    .addOption(new Option('--demo-model', 'bring the demonstration model, also when it was removed before').conflicts('model'));
  examples(up, ['sluice up', 'sluice up --data ./data --port 9000 --admin-port 9001', 'sluice up --host 0.0.0.0 --no-model']).action(async (options: UpOptions) => {
    if (options.port === options.adminPort && options.port !== 0) throw new WrongUse(`--port and --admin-port are both ${options.port}: each needs its own.`);
    const { up: run } = await import('../up/up.ts');
    await run(options);
  });
}

/** 0 lets the operating system choose. */
function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > MAX_PORT) throw new InvalidArgumentError(`Give a port from 0 to ${MAX_PORT}.`);
  return value;
}
