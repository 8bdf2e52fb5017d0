import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../testing/run-cli.ts';

describe('apply where nobody can be asked', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-apply-'));
    writeFileSync(join(folder, 'broken.yaml'), 'sluice: 1\nmodels: [');
    writeFileSync(join(folder, 'wrong.yaml'), 'sluice: 1\norganization: {}\n');
    writeFileSync(join(folder, 'good.yaml'), 'sluice: 1\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each<[string, number, (path: string) => string]>([
    ['none.yaml', 1, (path) => `There is no file ${path}.`],
    ['.', 1, (path) => `${path} is a folder where a file should be. Give another path.`],
    ['broken.yaml', 1, (path) => `${path} has a fault; nothing was changed:\n  line 2: `],
    ['wrong.yaml', 1, (path) => `${path} has a fault; nothing was changed:\n  line 2: organization: there is no such field`],
    ['good.yaml', 2, () => 'There is nobody to ask here: say --yes'],
  ])('says of %s what is wrong with it first', async (name, code, told) => {
    const path = join(folder, name);
    const ran = await runCli(['apply', '-f', path, '--data', join(folder, 'data')]);
    expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(`sluice: ${told(path)}`) });
  });

  it('reads nothing from standard input', async () => {
    expect(await runCli(['apply', '-f', '-', '--data', join(folder, 'data')], { stdin: 'rubbish' })).toMatchObject({ code: 2, stderr: expect.stringContaining('nobody to ask') });
  });
});
