import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { demoWeights } from '@sluice/local-engine/testing';
import { DEMO_MODEL } from '@sluice/local-engine/weights';
import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { HttpApi } from '../platform-api/http-api.ts';
import { ApiServer } from '../testing/api-server.ts';
import { bringDemoModel } from './demo-model.ts';

describe('the demonstration model', () => {
  let server: ApiServer;
  let folder: DataFolder;
  beforeEach(async () => {
    folder = dataFolder(mkdtempSync(join(tmpdir(), 'sluice-demo-')));
    server = new ApiServer();
    await server.listen();
    server.on('POST /models', { status: 201, json: modelOf('active') });
    // The real weights, where a download would have put them.
    const weights = await demoWeights();
    mkdirSync(folder.models);
    symlinkSync(weights, join(folder.models, DEMO_MODEL.weights.file));
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder.root, { recursive: true, force: true });
  });

  const modelOf = (state: string): object => ({
    id: 'mdl_1', name: DEMO_MODEL.name, aliases: [], versions: [], deployments: [{ id: 'dep_1', protocol: 'kserve', placement: 'inside', state, target: 'local' }],
  });
  const house = (...models: object[]): void => void server.on('GET /models', { json: { object: 'list', data: models, has_more: false, aliases: [] } });
  const bring = async (again = false): Promise<void> => bringDemoModel({ api: new HttpApi(server.url, 'sk-sluice-admin-test', server.url), folder, again, signal: new AbortController().signal });
  const added = (): unknown[] => server.seen.filter(({ method }) => method === 'POST').map(({ body }) => body);

  it('comes into a new house, named by its file alone, and once: removed, it stays away until it is asked for', async () => {
    const request = { name: DEMO_MODEL.name, gguf: { path: DEMO_MODEL.weights.file, digest: `sha256:${DEMO_MODEL.weights.sha256}` } };
    house();
    await bring();
    expect(added()).toEqual([request]);
    house(modelOf('removed'));
    await bring();
    expect(added()).toEqual([request]);
    await bring(true);
    expect(added()).toEqual([request, request]);
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
});
