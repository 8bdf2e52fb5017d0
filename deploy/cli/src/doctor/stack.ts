import { existsSync } from 'node:fs';
import { stackFolder, stackStatus } from '@sluice/stack';
import { Findings, reasonOf, splitMend, type Finding } from './finding.ts';

/** The servers of `stack up`, where there is such a folder. */
export async function lookAtStack(data: string, cache: string): Promise<readonly Finding[]> {
  const found = new Findings('stack');
  if (!existsSync(stackFolder(data).choices)) return found.all;
  const at = `--data ${data}`;
  try {
    for (const { name, state, says, log } of await stackStatus({ data, cache })) {
      if (state === 'up') found.ok(name, says);
      else if (state === 'down') found.warn(name, 'does not run', `start it: sluice stack up ${at}`);
      else found.wrong(name, `runs and does not answer (${says})`, `look at ${log}, then: sluice stack down ${at}, sluice stack up ${at}`);
    }
  } catch (error) {
    const [says, mend] = splitMend(reasonOf(error));
    found.wrong('folder', says, mend || `look at the folder of the stack: ${data}`);
  }
  return found.all;
}
