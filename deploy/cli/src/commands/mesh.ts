import { InvalidArgumentError, type Command } from 'commander';
import type { MeshOptions } from '../mesh/mesh-up.ts';
import { examples, folderPath } from './output.ts';
import { addUpOptions } from './up.ts';

const DATA_PLANES = 2;
const MOST_DATA_PLANES = 16;

export function addMeshCommands(program: Command): void {
  const mesh = program.command('mesh').description('the platform as processes of this machine, on the servers of a stack');
  const up = addUpOptions(mesh.command('up').description('start the platform in the foreground: processes of the data plane and one for each other service, started again when they die; Ctrl-C stops it'))
    .option('--stack <dir>', 'data folder of the stack (default: the one it ran on last, else that of the platform with -stack at its end)', folderPath)
    .option('--pids <file>', 'write the process ids there by name, as JSON, at every start of one', folderPath)
    .option('--data-planes <n>', 'processes that answer clients, at one port', dataPlanes, DATA_PLANES);
  examples(up, ['sluice mesh up', 'sluice mesh up --stack ./stack --data ./data --port 9000 --admin-port 9001']).action(async (options: MeshOptions) => {
    const { meshUp } = await import('../mesh/mesh-up.ts');
    await meshUp(options);
  });
}

function dataPlanes(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MOST_DATA_PLANES) throw new InvalidArgumentError(`Give a number from 1 to ${MOST_DATA_PLANES}.`);
  return value;
}
