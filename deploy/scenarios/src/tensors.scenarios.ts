import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { GrpcClient } from '@sluice/rpc/grpc';
import { TritonServer } from '@sluice/stack/testing';
import { endedCall, type AuditedCall } from './audited-call.ts';
import { admin, eventually, type House } from './house.ts';
import { makeTenant, sluiceJson, type Tenant } from './tenant.ts';

/** A machine from nothing brings a hundred megabytes first. */
const START_LIMIT_MS = 900_000;
const [MODEL, UPSTREAM, PRICE_NANO] = ['doubled', 'numbers', 1_000];

const CODE = `import triton_python_backend_utils as pb
class TritonPythonModel:
    def execute(self, requests):
        return [pb.InferenceResponse([pb.Tensor("y", pb.get_input_tensor_by_name(one, "x").as_numpy() * 2)]) for one in requests]
`;
const CONFIG = `backend: "python" max_batch_size: 0 instance_group [{ kind: KIND_CPU }]
input [{ name: "x" data_type: TYPE_INT32 dims: [-1] }] output [{ name: "y" data_type: TYPE_INT32 dims: [-1] }]`;

function writeModel(repository: string): void {
  mkdirSync(join(repository, UPSTREAM, '1'), { recursive: true });
  writeFileSync(join(repository, UPSTREAM, 'config.pbtxt'), CONFIG);
  writeFileSync(join(repository, UPSTREAM, '1', 'model.py'), CODE);
}

interface Item {
  readonly call_id: string;
  readonly key_id: string;
  readonly cost_nano: number;
}

/** Models that are no language models, on a real Triton: each process of the data plane has connections of its own to it. */
export function tensorScenarios(at: () => House): void {
  describe('models of tensors', () => {
    let triton: TritonServer;
    let direct: GrpcClient;
    let client: GrpcClient;
    let tenant: Tenant;
    /** Ids of all calls over HTTP, also of those that only looked whether the model is served: they come to the record when they come. */
    const overHttpIds = new Set<string>();

    beforeAll(async () => {
      triton = await TritonServer.start(async (repository) => writeModel(repository));
      direct = new GrpcClient({ addresses: [triton.grpc], clock: systemClock });
      client = new GrpcClient({ addresses: [at().grpcAddress], clock: systemClock });
      await direct.connect(GRPCInferenceService).repositoryModelUnload({ modelName: UPSTREAM });
      await eventually(async () => !(await isLoaded()));
      await add();
      await sluiceJson(at(), 'price', 'set', MODEL, '--per-request', String(PRICE_NANO));
      tenant = await makeTenant(at(), 'tensors');
    }, START_LIMIT_MS);
    afterAll(async () => {
      client?.close();
      direct?.close();
      await triton?.stop();
    });

    const isLoaded = async (): Promise<boolean> => (await direct.connect(GRPCInferenceService).modelReady({ name: UPSTREAM })).ready;
    const overHttp = async (door: string): Promise<{ status: number; id: string; retryAfter: string | null; y: unknown }> => {
      const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'INT32', shape: [3], data: [1, 2, 3] }] });
      const answer = await fetch(`${door}/v2/models/${MODEL}/infer`, { method: 'POST', headers: { authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' }, body });
      const { outputs } = (await answer.json()) as { outputs?: { data: number[] }[] };
      const id = answer.headers.get('x-request-id') ?? '';
      overHttpIds.add(id);
      return { status: answer.status, id, retryAfter: answer.headers.get('retry-after'), y: outputs?.[0]?.data };
    };
    const overGrpc = async (): Promise<number[]> => {
      const request = { modelName: MODEL, inputs: [{ name: 'x', datatype: 'INT32', shape: [3n] }], rawInputContents: [new Uint8Array(Int32Array.of(4, 5, 6).buffer)] };
      const { rawOutputContents } = await client.connect(GRPCInferenceService).modelInfer(request, { metadata: { authorization: `Bearer ${tenant.key}` } });
      return [...new Int32Array(Uint8Array.from(rawOutputContents[0]!).buffer)];
    };
    const serves = (): Promise<unknown> => eventually(async () => (await Promise.all(at().doors.map(overHttp))).every(({ status }) => status === 200));
    const add = async (): Promise<void> => {
      expect(await at().command('model', 'add', MODEL, '--kserve', triton.grpc, '--upstream-model', UPSTREAM, '--load')).toMatchObject({ code: 0 });
      expect(await isLoaded()).toBe(true);
    };
    const recorded = async (): Promise<AuditedCall[]> => (await admin<{ data: AuditedCall[] }>(at(), 'GET', `/audit/calls?limit=100&status=answered`)).body.data.filter(({ key_id: key }) => key === tenant.keyId);

    it('answer over HTTP at every door and over gRPC, each call on record and in the ledger', async () => {
      await serves();
      // The ledger is read from here on: a page of it has a thousand items, and the other scenarios have made more.
      const since = new Date().toISOString();
      const answers = await Promise.all(at().doors.map(overHttp));
      expect(answers.map(({ status, y }) => [status, y])).toEqual(answers.map(() => [200, [2, 4, 6]]));
      expect(await overGrpc()).toEqual([8, 10, 12]);
      for (const { id } of answers) expect(await endedCall(at(), id)).toMatchObject({ status: 'answered', model: MODEL, key_id: tenant.keyId });
      const fresh = await eventually(async () => {
        const ids = (await recorded()).map(({ id }) => id);
        const others = ids.filter((id) => !overHttpIds.has(id));
        return others.length === 1 && answers.every(({ id }) => ids.includes(id)) && [...answers.map(({ id }) => id), ...others];
      });
      const items = await eventually(async () => {
        const mine = (await admin<{ data: Item[] }>(at(), 'GET', `/ledger/items?limit=1000&since=${since}`)).body.data.filter(({ call_id: id }) => fresh.includes(id));
        return mine.length === fresh.length && mine;
      });
      expect(items.map(({ key_id: key, cost_nano: cost }) => [key, Number(cost)])).toEqual(fresh.map(() => [tenant.keyId, PRICE_NANO]));
    }, 120_000);

    it('are refused with Retry-After as long as their server is dead, at every door and over gRPC, and answer again when it is back', async () => {
      await triton.kill();
      await eventually(async () => (await Promise.all(at().doors.map(overHttp))).every(({ status, retryAfter }) => status === 503 && Number(retryAfter) > 0));
      await expect(overGrpc().catch((thrown: unknown) => ServiceError.from(thrown).code)).resolves.toMatch(/unavailable/);
      await triton.restart();
      await serves();
      expect(await eventually(() => overGrpc())).toEqual([8, 10, 12]);
    }, 120_000);

    it('are unloaded when the last deployment is removed, whoever of the routers does it, and loaded by any of them', async () => {
      expect(await at().command('model', 'remove', MODEL)).toMatchObject({ code: 0 });
      await eventually(async () => !(await isLoaded()));
      await add();
      await serves();
      expect(await isLoaded()).toBe(true);
    }, 120_000);
  });
}
