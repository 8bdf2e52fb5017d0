import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { ownIdentity } from '../data-folder/process-identity.ts';
import { MeshFile } from '../mesh/mesh-file.ts';
import { runCli } from '../testing/run-cli.ts';
import { meshOnStack } from './mesh-on-stack.ts';

describe('a mesh on a stack', () => {
  let parent: string;
  let folder: DataFolder;
  beforeEach(async () => {
    parent = mkdtempSync(join(tmpdir(), 'sluice-on-stack-'));
    folder = dataFolder(join(parent, 'house'));
    await mkdir(folder.root);
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('is found in the usual data folder and in that of the same name, while its processes run', () => {
    const stack = `${folder.root}-stack`;
    const elsewhere = join(parent, 'elsewhere');
    expect(meshOnStack(stack, elsewhere)).toBeUndefined();
    const file = new MeshFile(folder.mesh);
    file.keepPlace(stack, {});
    file.keepProcess('access', { ...ownIdentity(), started: 'another time' });
    expect(meshOnStack(stack, elsewhere)).toBeUndefined();
    file.keepProcess('audit', ownIdentity());
    expect(meshOnStack(stack, elsewhere)?.root).toBe(folder.root);
    file.keepPlace(elsewhere, {});
    expect([meshOnStack(stack, elsewhere), meshOnStack(elsewhere, folder.root)?.root]).toEqual([undefined, folder.root]);
  });

  it('is warned of when its stack is stopped', async () => {
    const stack = `${folder.root}-stack`;
    const file = new MeshFile(folder.mesh);
    file.keepPlace(stack, {});
    file.keepProcess('audit', ownIdentity());
    const { stderr } = await runCli(['stack', 'down', '--data', stack]);
    expect(stderr).toContain(`Warning: the mesh of the data folder ${folder.root} runs on this stack and takes no calls without it; Ctrl-C ends that.\n`);
  });
});
