import 'reflect-metadata';
import { createHmac, randomBytes } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { systemClock, systemIds } from '@sluice/clock';
import { readConfig } from '@sluice/config';
import { ServiceError } from '@sluice/errors';
import type { EventLog, StoredSegment } from '@sluice/events';
import { GatewayAddresses, createGateway, gatewayConfig } from '@sluice/gateway';
import { createInferenceRouter, inferenceRouterConfig } from '@sluice/inference-router';
import { Health } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { AccessService, KeyKind } from '@sluice/proto/access/v1/access';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { ContentFilterService } from '@sluice/proto/content_filter/v1/content_filter';
import { DeploymentState, ModelRegistryService, Placement, Protocol } from '@sluice/proto/model_registry/v1/model_registry';
import { InProcessTransport, type Implementation } from '@sluice/rpc';
import { decodeSegment } from '@sluice/segment';
import { createInProcessStore } from '@sluice/store';
import { silentLogger } from '@sluice/telemetry';
import { ScriptedUpstream } from '@sluice/testkit';
import { eventually } from './house.ts';

const SECRET = 'sk-sluice-of-the-test';
const PEPPER = randomBytes(32);
const refused = () => Promise.reject(new ServiceError('not_found', 'not part of this test'));

/** The real gateway and the real router, each with a copy of the registry of its own; access, registry and log are small and in memory; there are no rules and no prices. */
describe('a prompt whose gateway takes its backend for one inside, and whose router knows better', () => {
  let upstream: ScriptedUpstream;
  let apps: INestApplicationContext[];
  let url: string;
  let segments: StoredSegment[];
  let appends: number;
  let log: PromiseWithResolvers<void>;

  beforeEach(async () => {
    upstream = await ScriptedUpstream.start();
    [segments, appends, log] = [[], 0, Promise.withResolvers<void>()];
    const shared = new InProcessTransport({ freezeStreams: true });
    shared.serve(AccessService, access());
    shared.serve(ContentFilterService, filter());
    shared.serve(BillingService, billing());
    const router = await start(createInferenceRouter(platformOf(shared, registry(Placement.EXTERNAL)), readConfig(inferenceRouterConfig, {})));
    const gateway = await start(createGateway(platformOf(shared, registry(Placement.INSIDE)), readConfig(gatewayConfig, { SLUICE_PORT: '0', SLUICE_ADMIN_PORT: '0' })));
    apps = [gateway, router];
    url = gateway.get(GatewayAddresses).public;
    await eventually(async () => (await fetch(`${url}/readyz`)).status === 200);
    await upstream.probed(1);
  });
  afterEach(async () => {
    log.resolve();
    for (const app of apps) await app.close();
    await upstream.stop();
  });

  const start = (module: Parameters<typeof NestFactory.createApplicationContext>[0]) => NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });

  function access(): Implementation<typeof AccessService> {
    const keyedHash = createHmac('sha256', PEPPER).update(SECRET).digest();
    const project = { project: { id: 'project_1', organisationId: 'org_1', name: 'first' }, dataKeys: [{ id: 'data_1', key: randomBytes(32) }] };
    const keys = [{ id: 'key_1', organisationId: 'org_1', projectId: 'project_1', kind: KeyKind.INFERENCE, keyedHash }];
    return {
      getSnapshot: async () => ({ position: 1n, projects: [project], keys, pepper: PEPPER }),
      getProjectSecrets: async () => ({ project }),
      createProject: refused, listProjects: refused, createApiKey: refused, listApiKeys: refused, revokeApiKey: refused,
    } as unknown as Implementation<typeof AccessService>;
  }

  /** Finds nothing. */
  function filter(): Implementation<typeof ContentFilterService> {
    return {
      async *filter(requests: AsyncIterable<unknown>) {
        for await (const _ of requests) yield { step: { case: 'verdict', value: {} } };
      },
    } as unknown as Implementation<typeof ContentFilterService>;
  }

  /** Everything is free. */
  function billing(): Implementation<typeof BillingService> {
    return {
      async *spend(requests: AsyncIterable<{ step: { case?: string } }>) {
        for await (const { step } of requests) yield { step: step.case === 'hold' ? { case: 'grant', value: { hold: {}, price: {} } } : { case: 'settlement', value: {} } };
      },
    } as unknown as Implementation<typeof BillingService>;
  }

  function registry(placement: Placement): Implementation<typeof ModelRegistryService> {
    const snapshot = {
      position: 1n,
      models: [{ id: 'model_1', organisationId: 'org_1', name: 'm' }],
      versions: [{ id: 'version_1', modelId: 'model_1', number: 1 }],
      deployments: [{ id: 'deployment_1', versionId: 'version_1', protocol: Protocol.OPENAI, state: DeploymentState.ACTIVE, target: upstream.baseUrl, upstreamModel: 'u', placement }],
    } satisfies MessageInitShape<typeof ModelRegistryService.method.getSnapshot.output>;
    return { getSnapshot: async () => snapshot, addModel: refused, listModels: refused, removeModel: refused, setAlias: refused, removeAlias: refused } as unknown as Implementation<typeof ModelRegistryService>;
  }

  function platformOf(shared: InProcessTransport, models: Implementation<typeof ModelRegistryService>): Platform {
    const own = new InProcessTransport();
    own.serve(ModelRegistryService, models);
    const events = {
      hasRoom: () => true,
      producerName: (name: string) => name,
      takeEpoch: async () => 1n,
      renewEpoch: async () => undefined,
      closeEpoch: async () => true,
      appendSegment: async (segment: StoredSegment) => {
        appends++;
        await log.promise;
        segments.push(segment);
      },
      follow: (_schema: unknown, _after: bigint, follower: { onBeat(head: bigint): void }) => {
        const timer = setInterval(() => follower.onBeat(1n), 100);
        return { stop: async () => clearInterval(timer), caughtUp: async () => undefined, lag: () => 0 };
      },
    } as unknown as EventLog;
    return {
      connect: (service: typeof ModelRegistryService) => (service === ModelRegistryService ? own : shared).connect(service),
      serve: (service: typeof ModelRegistryService, implementation: Implementation<typeof ModelRegistryService>) => shared.serve(service, implementation),
      events, store: createInProcessStore(systemClock), clock: systemClock, ids: systemIds(systemClock), logger: silentLogger, health: new Health(),
    } as unknown as Platform;
  }

  it.each([true, false])('does not leave before it is on record, and is answered then; streamed: %s', async (stream) => {
    const answer = fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'A secret.' }], stream }),
    });
    await eventually(async () => appends > 0);
    expect([upstream.requests.length, segments.length]).toEqual([0, 0]);
    log.resolve();
    expect((await answer).status).toBe(200);
    expect(await (await answer).text()).toContain('42');
    expect(upstream.requests).toHaveLength(1);
    expect((decodeSegment(segments[0]!.bytes) as { records: { record: { case?: string } }[] }).records.map(({ record }) => record.case)).toEqual(['admitted']);
  });
});
