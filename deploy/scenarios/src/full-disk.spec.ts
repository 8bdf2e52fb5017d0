import { describe, expect, it } from '@jest/globals';
import { ScriptedUpstream } from '@sluice/testkit';
import { rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AllInOneHouse } from './all-in-one-house.ts';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { eventually } from './house.ts';
import { addModel } from './scripted-model.ts';

/** Room for the database, its write-ahead log, and the reserve that the platform keeps. */
const DISK = '512m';
const BLOCK = Buffer.alloc(1 << 20, 1);

/** Leaves this many MiB free on the disk under a folder. */
function fill(folder: string, leaveMiB: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const file = join(folder, 'filler');
  writeFileSync(file, '');
  for (let left = Math.floor((bavail * bsize) / BLOCK.length) - leaveMiB; left > 0; left--) writeFileSync(file, BLOCK, { flag: 'a' });
}

describe('a full disk', () => {
  it('keeps the platform from starting, with the figures and before anything is made', async () => {
    const starting = AllInOneHouse.make(['--no-model'], {}, { diskSize: '150m' });
    await expect(starting).rejects.toThrow(/^up ended with 1: sluice: The disk of .* is nearly full: 1\d\d MiB are free, and a start needs 160 MiB\. Make room, then start again;[^\n]*\n$/);
  }, 300_000);

  it('stops new calls with a clear error, loses nothing that was answered, and is over when there is room', async () => {
    await using house = await AllInOneHouse.make(['--no-model'], {}, { diskSize: DISK });
    await using upstream = await ScriptedUpstream.start();
    await addModel(house, upstream);
    const answered: string[] = [];
    const call = async () => {
      const answer = await ask(house);
      if (answer.status === 200) answered.push(answer.id);
      return answer;
    };
    expect((await call()).status).toBe(200);
    fill(house.dataFolderFromOutside, 40);
    const refused = await eventually(async () => {
      const answer = await call();
      return answer.status !== 200 && answer;
    });
    expect(refused).toMatchObject({ status: 503, error: { code: 'disk_full' } });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    truncateSync(join(house.dataFolderFromOutside, 'filler'), 0);
    rmSync(join(house.dataFolderFromOutside, 'filler'));
    await eventually(async () => (await call()).status === 200);
    for (const id of answered) expect(await endedCall(house, id)).toMatchObject({ status: 'answered', choices: [{ content: 'The answer is 42.' }] });
    expect(await house.command('audit', 'verify')).toMatchObject({ code: 0 });
  }, 300_000);
});
