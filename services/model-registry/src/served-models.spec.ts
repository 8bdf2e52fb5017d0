import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { DeploymentState, Placement, Protocol, type AddModelResponse } from '@sluice/proto/model_registry/v1/model_registry';
import type { Implementation } from '@sluice/rpc';
import { GrpcServer } from '@sluice/rpc/grpc';
import { House, type Running } from './testing/house.ts';

const actor = { keyId: 'owner', organisationId: 'org' };
const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [-1n, 4n] });

/** A KServe v2 server over gRPC with one model, as far as the registry asks; the real one is Triton, in deploy/triton. */
class ModelServer {
  readonly #server = new GrpcServer({ clock: systemClock });
  address = '';
  isLoaded = true;
  /** As often as it says that it loads the model, which someone asked for before. */
  looksUntilLoadEnds = 0;
  isBroken = false;
  outputs = ['y'];
  loads = 0;

  async start(): Promise<void> {
    const refuse = () => Promise.reject(new ServiceError('method_not_supported', 'not asked'));
    const asked: Partial<Implementation<typeof GRPCInferenceService>> = {
      modelReady: async () => ({ ready: this.isLoaded }),
      modelMetadata: async ({ name }) => ({ name, versions: ['1'], platform: 'test', inputs: [tensor('x'), tensor('a')], outputs: this.outputs.map(tensor) }),
      repositoryModelLoad: async () => {
        this.loads++;
        this.isLoaded = true;
        return {};
      },
      repositoryIndex: async () => {
        const isLoading = this.looksUntilLoadEnds > 0;
        if (isLoading && --this.looksUntilLoadEnds === 0) this.isLoaded = !this.isBroken;
        return { models: [{ name: 'm', version: isLoading ? '1' : '', state: isLoading ? 'LOADING' : '', reason: '' }] };
      },
    };
    this.#server.serve(GRPCInferenceService, { ...Object.fromEntries(GRPCInferenceService.methods.map(({ localName }) => [localName, refuse])), ...asked } as Implementation<typeof GRPCInferenceService>);
    this.address = `127.0.0.1:${await this.#server.listen('127.0.0.1:0')}`;
  }

  async stop(): Promise<void> {
    await this.#server.stop(0);
  }
}

describe('models of a KServe v2 server', () => {
  let house: House;
  let running: Running;
  let server: ModelServer;
  beforeEach(async () => {
    house = await House.build();
    // Deadlines over gRPC are times of the real clock.
    running = await house.start({ clock: systemClock });
    server = new ModelServer();
    await server.start();
  });
  afterEach(async () => {
    await server.stop();
    await house[Symbol.asyncDispose]();
  });

  const add = (more: { managed?: boolean; placement?: Placement; upstreamModel?: string } = {}): Promise<AddModelResponse> =>
    running.registry.addModel({ actor, name: 'detector', source: { case: 'kserve', value: { address: server.address, upstreamModel: 'm', ...more } } });

  it('are kept with their tensors, as the server says, and replicas hear of them', async () => {
    const { version, deployment } = await add();
    expect(version!.signature).toMatchObject({ inputs: [{ name: 'a', datatype: 'FP32', shape: [-1n, 4n] }, { name: 'x' }], outputs: [{ name: 'y' }] });
    expect(deployment).toMatchObject({ protocol: Protocol.KSERVE, placement: Placement.INSIDE, target: server.address, upstreamModel: 'm', weightsPath: '', managed: false });
    const { versions, deployments } = await running.registry.getSnapshot({});
    expect([versions, deployments]).toEqual([[version], [deployment]]);
    await expect(add()).rejects.toMatchObject({ code: 'already_exists', param: 'name' });
    await expect(add({ placement: Placement.EXTERNAL })).rejects.toMatchObject({ code: 'already_exists', param: 'kserve.placement' });
    expect(server.loads).toBe(0);
  });

  it('that are to be managed are loaded first, unless they are already', async () => {
    expect((await add({ managed: true })).deployment).toMatchObject({ managed: true });
    expect(server.loads).toBe(0);
    server.isLoaded = false;
    expect((await add({ managed: true, upstreamModel: 'other' })).deployment).toMatchObject({ managed: true, upstreamModel: 'other' });
    expect(server.loads).toBe(1);
  });

  it('that are being loaded are waited for, and their load is not asked for again', async () => {
    server.isLoaded = false;
    server.looksUntilLoadEnds = 3;
    expect((await add({ managed: true })).deployment).toMatchObject({ managed: true });
    server.isLoaded = false;
    server.looksUntilLoadEnds = 3;
    server.isBroken = true;
    await expect(add({ managed: true })).rejects.toMatchObject({ code: 'failed_precondition', param: 'kserve.upstream_model', message: expect.stringContaining('cannot load') });
    expect(server.loads).toBe(0);
  });

  it('that were added before and are no longer loaded are loaded again when they are to be', async () => {
    await add();
    server.isLoaded = false;
    await expect(add({ managed: true })).rejects.toMatchObject({ code: 'already_exists', message: 'The model answers from there already. Its server was asked for it, and has it loaded.' });
    expect(server.loads).toBe(1);
    await expect(add()).rejects.toMatchObject({ message: 'The model answers from there already.' });
  });

  it('that have other tensors now are another version, which takes the place of the one before', async () => {
    const before = await add();
    server.outputs = ['y', 'z'];
    const { version } = await add();
    expect([version!.number, version!.digest === before.version!.digest]).toEqual([2, false]);
    const { deployments } = await running.registry.listModels({ organisationId: 'org' });
    expect(deployments).toMatchObject([{ versionId: version!.id, state: DeploymentState.ACTIVE }]);
  });

  it('are not added while their server does not answer, nor by whom may not add', async () => {
    await expect(running.registry.addModel({ actor: { ...actor, keyId: 'auditor' }, name: 'x', source: { case: 'kserve', value: { address: server.address } } })).rejects.toMatchObject({ code: 'insufficient_permissions' });
    await server.stop();
    await expect(add()).rejects.toMatchObject({ code: 'backend_unavailable', param: 'kserve.address', message: expect.stringContaining(server.address) });
    expect((await running.registry.listModels({ organisationId: 'org' })).models).toEqual([]);
  });
});
