import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { DEMO_WEIGHTS_CACHE } from '@sluice/local-engine/testing';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { GrpcClient } from '@sluice/rpc/grpc';
import { PACKAGE_CACHE, TritonServer } from '@sluice/stack/testing';
import { bringModels } from '@sluice/triton';
import { runCli } from '../testing/run-cli.ts';
import { UpHouse, type Running } from '../testing/up-house.ts';

/** A machine from nothing brings two hundred megabytes first. */
const LONG_MS = 900_000;
const LANGUAGE = 'smollm2-135m-instruct';

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string }; readonly finish_reason: string | null }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
}

describe('a model of Triton, added to a platform', () => {
  let triton: TritonServer;
  let connection: GrpcClient;
  let house: UpHouse;
  let running: Running;
  beforeAll(async () => {
    triton = await TritonServer.start(async (repository, say, signal) => bringModels({ cache: PACKAGE_CACHE, weights: DEMO_WEIGHTS_CACHE, repository, say, signal }));
    connection = new GrpcClient({ addresses: [triton.grpc], clock: systemClock });
  }, LONG_MS);
  afterAll(async () => {
    connection.close();
    await triton.stop();
  });
  beforeEach(async () => {
    house = new UpHouse();
    running = await house.start();
  });
  afterEach(async () => house.dispose());

  const model = async (...words: string[]): ReturnType<typeof runCli> => runCli(['model', ...words, '--data', house.data]);
  const isLoaded = async (): Promise<boolean> => (await connection.connect(GRPCInferenceService).modelReady({ name: LANGUAGE })).ready;
  const chat = async (body: object): Promise<Response> => {
    const headers = { authorization: `Bearer ${running.ready.apiKey}`, 'content-type': 'application/json' };
    return fetch(`${running.ready.url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ messages: [{ role: 'user', content: 'What is the capital of France? One sentence.' }], ...body }) });
  };

  it('is loaded, answers chats with exact counts, and is unloaded when it is removed', async () => {
    await connection.connect(GRPCInferenceService).repositoryModelUnload({ modelName: LANGUAGE });
    while (await isLoaded()) await pause(20);
    expect(await model('add', 'small', '--kserve', triton.grpc, '--upstream-model', LANGUAGE)).toMatchObject({ code: 1, stderr: expect.stringContaining(`has no model '${LANGUAGE}' loaded`) });
    expect(await model('add', 'small', '--kserve', triton.grpc, '--upstream-model', LANGUAGE, '--load')).toMatchObject({ code: 0, stdout: 'added small, version 1\n' });
    expect(await isLoaded()).toBe(true);

    const whole = await chat({ model: 'small', temperature: 0 });
    const answer = (await whole.json()) as { choices: { message: { content: string } }[]; usage: Chunk['usage'] };
    expect([whole.status, answer.choices[0]!.message.content]).toEqual([200, expect.stringContaining('Paris')]);
    const events = (await (await chat({ model: 'small', temperature: 0, stream: true, stream_options: { include_usage: true } })).text()).split('\n\n').filter((event) => event.startsWith('data: {'));
    const chunks = events.map((event) => JSON.parse(event.slice('data: '.length)) as Chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(answer.choices[0]!.message.content);
    expect(chunks.at(-1)!.usage).toEqual(answer.usage);
    expect(answer.usage!.prompt_tokens).toBeGreaterThan(20);

    expect(await model('list')).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`small +1 +kserve +inside +${triton.grpc} +${LANGUAGE} +healthy`)) });
    const listed = JSON.parse((await model('list', '--json')).stdout) as { data: { versions: { inputs: { name: string }[] }[]; deployments: { managed: boolean }[] }[] };
    expect(listed.data[0]!.versions[0]!.inputs.map(({ name }) => name)).toContain('text_input');
    expect(listed.data[0]!.deployments[0]!.managed).toBe(true);
    expect(await model('remove', 'small')).toMatchObject({ code: 0 });
    while (await isLoaded()) await pause(20);
  }, LONG_MS);

  it('that is no language model is told so, and what is wrong with an address is said', async () => {
    expect(await model('add', 'detector', '--kserve', triton.grpc, '--upstream-model', 'defect-detector')).toMatchObject({ code: 0 });
    const refused = await chat({ model: 'detector' });
    expect([refused.status, await refused.json()]).toEqual([400, { error: expect.objectContaining({ param: 'model', message: expect.stringContaining('no language model') }) }]);
    expect(await model('add', 'other', '--kserve', triton.grpc, '--upstream-model', 'nothing', '--load')).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot load a model 'nothing'") });
    expect(await model('add', 'other', '--kserve', '127.0.0.1:1')).toMatchObject({ code: 1, stderr: expect.stringContaining('does not answer') });
    expect(await model('add', 'other', '--kserve', `http://${triton.grpc}`)).toMatchObject({ code: 2, stderr: expect.stringContaining('HOST:PORT') });
  }, LONG_MS);
});
