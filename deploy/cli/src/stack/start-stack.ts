import { lackedBy, stackFolder, stackStatus, stackUp, type UpOptions } from '@sluice/stack';
import { bringModels } from '@sluice/triton';
import { makeFolder } from '../data-folder/make-folder.ts';
import { readSettings } from '../settings.ts';
import { asTyped, dataOption } from '../terminal/typed-command.ts';
import { stackScreen } from './stack-screen.ts';
import { tellStackError } from './tell-stack-error.ts';

export interface StartStack extends UpOptions {
  /** Folder of weights that the platform has. */
  readonly weights: string;
}

/** `sluice stack up`: starts it, with models for Triton, then shows each server as it answers. */
export async function startStack({ weights, ...options }: StartStack): Promise<void> {
  const startedMs = performance.now();
  makeFolder(options.data, 0o700);
  makeFolder(options.cache);
  const leftOut = await stackUp({ ...options, fillModels: async (repository, say, signal) => bringModels({ cache: options.cache, weights, repository, say, signal }) }).catch(tellStackError);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`\nThe stack is up (${seconds} s)\n\n${stackScreen(await stackStatus(options))}\n\nAddresses with passwords: ${stackFolder(options.data).stackFile}\n${asTyped(`Stop it with: sluice stack down${dataOption(options.data, `${readSettings().dataDir}-stack`)}`)}\n`);
  if (leftOut.length > 0) process.stderr.write(`\nLeft out, because this machine lacks something:\n${lackedBy(leftOut).join('\n')}\n`);
}
