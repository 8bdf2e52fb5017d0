import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TritonServer } from '@sluice/stack/testing';
import { bringTritonClient } from '@sluice/stack/testing/triton-client';
import { cleanEnvironment, runCli } from '../testing/run-cli.ts';
import { UpHouse, type Running } from '../testing/up-house.ts';

/** A machine from nothing brings a hundred megabytes first. */
const LONG_MS = 900_000;
const CLIENT = fileURLToPath(new URL('../testing/tensor-client.py', import.meta.url));
const TRANSPORTS = ['http', 'grpc'] as const;

const DOUBLED = `import time
import triton_python_backend_utils as pb
class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for one in requests:
            x = pb.get_input_tensor_by_name(one, "x").as_numpy()
            if x.size and x.flat[0] == 666:
                raise ValueError("private words of a model")
            if x.size and x.flat[0] >= 60_000:
                time.sleep(60)
            answers.append(pb.InferenceResponse([pb.Tensor("y", x * 2)]))
        return answers
`;
const SHOUTED = `import numpy as np
import triton_python_backend_utils as pb
class TritonPythonModel:
    def execute(self, requests):
        texts = [pb.get_input_tensor_by_name(one, "text").as_numpy() for one in requests]
        return [pb.InferenceResponse([pb.Tensor("text", np.array([each.decode().upper().encode() for each in text], np.object_))]) for text in texts]
`;

function writeModel(repository: string, name: string, code: string, tensors: string): void {
  mkdirSync(join(repository, name, '1'), { recursive: true });
  writeFileSync(join(repository, name, 'config.pbtxt'), `backend: "python" max_batch_size: 0 ${tensors} instance_group [{ kind: KIND_CPU }]`);
  writeFileSync(join(repository, name, '1', 'model.py'), code);
}

describe('models of tensors, asked by the client of Triton', () => {
  let triton: TritonServer;
  let packages: string;
  let grpc: string;
  let running: Running;
  const house = new UpHouse();
  beforeAll(async () => {
    triton = await TritonServer.start(async (repository) => {
      writeModel(repository, 'numbers', DOUBLED, 'input [{ name: "x" data_type: TYPE_FP32 dims: [-1] }] output [{ name: "y" data_type: TYPE_FP32 dims: [-1] }]');
      writeModel(repository, 'shouted', SHOUTED, 'input [{ name: "text" data_type: TYPE_STRING dims: [-1] }] output [{ name: "text" data_type: TYPE_STRING dims: [-1] }]');
    });
    packages = await bringTritonClient(new AbortController().signal);
    running = await house.start({ SLUICE_GRPC_PORT: '0' });
    grpc = running.ready.grpcAddress!;
    expect(running.output()).toContain(`KServe gRPC  ${grpc}`);
    for (const [name, upstream] of [['doubled', 'numbers'], ['shouted', 'shouted']] as const) {
      expect(await sluice('model', 'add', name, '--kserve', triton.grpc, '--upstream-model', upstream)).toMatchObject({ code: 0 });
    }
  }, LONG_MS);
  afterAll(async () => {
    await house.dispose();
    await triton.stop();
  });

  const sluice = async (...words: string[]): ReturnType<typeof runCli> => runCli([...words, '--data', house.data], { env: house.state });
  const admin = async (method: string, path: string, body?: object): Promise<Record<string, unknown> & { data: Record<string, unknown>[] }> => {
    const headers = { authorization: `Bearer ${running.ready.adminKey}`, ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(`${running.ready.adminUrl}/admin/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as Awaited<ReturnType<typeof admin>>;
  };
  const ask = async (does: string, transport: string, more: object = {}): Promise<Record<string, never>> => {
    const given = { does, transport, key: running.ready.apiKey, http: running.ready.url.replace('http://', ''), grpc, words: ['hello', 'zażółć'], calls: 20, ...more };
    const { stdout } = await promisify(execFile)('python3', [CLIENT, JSON.stringify(given)], { env: cleanEnvironment({ PYTHONPATH: packages }), timeout: 120_000 });
    return JSON.parse(stdout) as Record<string, never>;
  };

  it.each(TRANSPORTS)('answer over %s as a Triton would, by the names of the house', async (transport) => {
    const seen = await ask('tour', transport);
    const code = (http: number, status: string): string => (transport === 'http' ? String(http) : `StatusCode.${status}`);
    expect(seen).toMatchObject({
      live: true, ready: true, modelReady: true, strangerReady: false,
      metadata: { name: 'doubled', versions: ['1'], platform: 'python', inputs: [{ name: 'x', datatype: 'FP32' }], outputs: [{ name: 'y' }] },
      doubled: [3, -4, 6], named: ['doubled', '1', 'r-1'], ofVersion: [3, -4, 6], words: ['HELLO', 'ZAŻÓŁĆ'],
    });
    expect(JSON.stringify(seen['config'])).toContain('"doubled"');
    expect(seen['refusals']).toEqual({
      unknown: [code(404, 'NOT_FOUND'), expect.stringContaining('does not exist')],
      version: [code(404, 'NOT_FOUND'), expect.stringContaining('no such version')],
      input: [code(400, 'INVALID_ARGUMENT'), 'The model has no input of that name. It takes `x` FP32 [-1]. (z)'],
      raised: [code(502, 'UNAVAILABLE'), 'The model failed on this request.'],
      sequence: [code(400, 'INVALID_ARGUMENT'), expect.stringContaining('not passed on')],
      stranger: [code(401, 'UNAUTHENTICATED'), expect.stringContaining('API key')],
      statistics: [code(404, 'UNIMPLEMENTED'), expect.stringContaining('not served')],
      repository: [code(404, 'UNIMPLEMENTED'), expect.stringContaining('not served')],
    });
  }, LONG_MS);

  it('take and give JSON alone, and tensors of megabytes', async () => {
    expect(await ask('json', 'http')).toEqual([{ name: 'y', datatype: 'FP32', shape: [4], data: [2, 4, 6, 8] }]);
    expect(await Promise.all(TRANSPORTS.map(async (transport) => ask('large', transport)))).toEqual([true, true]);
  }, LONG_MS);

  it('tell in trailers of gRPC by which id a call is on record', async () => {
    const [answered, refused] = (await ask('told', 'grpc')) as unknown as readonly Record<string, string>[];
    const id = answered!['x-request-id']!;
    while ((await admin('GET', '/audit/calls?limit=100')).data.every((call) => call['id'] !== id)) await pause(20);
    expect(refused).toMatchObject({ 'x-request-id': expect.not.stringMatching(id) });
  }, LONG_MS);

  it('leave records that can be read and proven, and are no chats', async () => {
    // The audit reads the log behind the answers.
    const isLarge = (call: Readonly<Record<string, unknown>>): boolean => call['model'] === 'doubled' && call['status'] !== 'running' && Number(call['output_bytes']) > 1_000_000;
    let large: Readonly<Record<string, unknown>> | undefined;
    while (!(large = (await admin('GET', '/audit/calls?limit=100')).data.find(isLarge))) await pause(20);
    expect(large).toMatchObject({ status: 'answered', usage: { input_tokens: 1, output_tokens: 0, estimated: false } });
    expect((await sluice('audit', 'show', String(large['id']))).stdout).toMatch(/"bytes":2000000,"sha256":"[0-9a-f]{64}","data":null/);
    while ((await admin('GET', `/audit/calls/${String(large['id'])}`))['leaf_index'] === null) await pause(20);
    expect(await sluice('audit', 'verify', String(large['id']))).toMatchObject({ code: 0, stdout: expect.stringMatching(/prompt {2}the request.*answer {2}the answer/s) });
    const headers = { authorization: `Bearer ${running.ready.apiKey}`, 'content-type': 'application/json' };
    const chat = await fetch(`${running.ready.url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ model: 'doubled', messages: [{ role: 'user', content: 'hi' }] }) });
    expect([chat.status, await chat.text()]).toEqual([400, expect.stringContaining('no language model')]);
  }, LONG_MS);

  it.each(TRANSPORTS)('cost their price a request, and over %s no request more than the budget has', async (transport) => {
    expect(await sluice('price', 'set', 'doubled', '--per-request', '1000')).toMatchObject({ code: 0, stdout: expect.stringMatching(/a request, from/) });
    const [project] = (await admin('GET', '/projects')).data;
    const key = (await admin('POST', '/keys', { name: transport, kind: 'inference', project_id: project!['id'] })) as unknown as { id: string; secret: string };
    await admin('PUT', '/budgets', { level: 'key', id: key.id, amount: '5500', period: 'none' });
    expect(await ask('crowd', transport, { key: key.secret })).toEqual({ answered: 5, failed: [transport === 'http' ? '429' : 'StatusCode.RESOURCE_EXHAUSTED'] });
    const spent = async (): Promise<unknown> => (await admin('GET', '/budgets')).data.map(({ id, spent: nano, held }) => [id, nano, held]);
    while (!JSON.stringify(await spent()).includes(JSON.stringify([key.id, '5000', '0']))) await pause(50);
    expect(await admin('GET', '/ledger/check')).toMatchObject({ ok: true, faults: [] });
  }, LONG_MS);

  it('are looked at by rules where they are text, in both directions', async () => {
    await admin('POST', '/filter/rules', { patterns: ['hello'] });
    await expect(ask('tour', 'grpc')).rejects.toThrow(/blocked by a rule/);
    expect((await ask('tour', 'http', { words: ['good day'] }))['words']).toEqual(['GOOD DAY']);
    await admin('POST', '/filter/rules', { patterns: ['MASKED WORDS'], action: 'mask', direction: 'out' });
    expect((await ask('tour', 'http', { words: ['masked words', 'kept'] }))['words']).toEqual([expect.not.stringContaining('MASKED'), 'KEPT']);
  }, LONG_MS);

  it('fail honestly when their server is killed in the middle of a call, and answer again when it is back', async () => {
    const asking = Promise.all(TRANSPORTS.map(async (transport) => ask('slow', transport)));
    while ((await admin('GET', '/backends')).data.reduce((sum, { in_flight: calls }) => sum + Number(calls), 0) < 2) await pause(20);
    await triton.kill();
    const [http, overGrpc] = await asking;
    expect([http![0], overGrpc![0]]).toEqual([expect.stringMatching(/50[23]/), 'StatusCode.UNAVAILABLE']);
    await triton.restart();
    while ((await fetch(`${running.ready.url}/v2/models/doubled/ready`, { headers: { authorization: `Bearer ${running.ready.apiKey}` } })).status !== 200) await pause(20);
    expect(await ask('large', 'http')).toBe(true);
    const calls = async (status: string): Promise<readonly unknown[]> => (await admin('GET', `/audit/calls?limit=100&status=${status}`)).data;
    while ((await calls('running')).length > 0) await pause(20);
    expect(await calls('abandoned')).toEqual([]);
  }, LONG_MS);
});
