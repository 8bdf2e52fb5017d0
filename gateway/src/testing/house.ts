import 'reflect-metadata';
import { createHmac, randomBytes } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { NestFactory } from '@nestjs/core';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog, StoredSegment } from '@sluice/events';
import { Health } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { AccessService, ApiKeySchema, BodyPolicy, KeyKind, ParameterRuleSchema, ProjectSchema, Role, SubjectLimitsSchema, type ApiKey, type ParameterRule, type SubjectLimits } from '@sluice/proto/access/v1/access';
import { AuditService } from '@sluice/proto/audit/v1/audit';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { Channel, type ChatCall, type ChatEventSchema } from '@sluice/proto/chat/v1/chat';
import { ContentFilterService, FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import type { Segment } from '@sluice/proto/events/v1/calls';
import { AccessChangedSchema, type AccessChanged } from '@sluice/proto/events/v1/changes';
import { InferenceService, type DescribeModelRequest, type DescribeModelResponseSchema } from '@sluice/proto/inference/v1/inference';
import { ModelRegistryService, Placement, DeploymentState } from '@sluice/proto/model_registry/v1/model_registry';
import { InProcessTransport } from '@sluice/rpc';
import { decodeSegment } from '@sluice/segment';
import { createInProcessStore, type Store } from '@sluice/store';
import { silentLogger } from '@sluice/telemetry';
import { GatewayAddresses, createGateway, type GatewayConfig } from '../index.ts';
import { ScriptedBilling } from './scripted-billing.ts';
import { ScriptedFilter, scriptedFilterRules } from './scripted-filter.ts';

export type EventInit = MessageInitShape<typeof ChatEventSchema>;

/** What the model answers: batches of events, as the test scripts them. */
export type Answer = (call: ChatCall, signal: AbortSignal) => AsyncIterable<EventInit[]>;

const PEPPER = randomBytes(32);
const keyedHashOf = (secret: string): Buffer => createHmac('sha256', PEPPER).update(secret).digest();

interface Follower {
  onBeat(head: bigint): void;
  onRecord(record: { position: bigint; key: string; message: AccessChanged }): void;
}

/** A gateway with real listeners, transport and segment writer; the services behind it are small and in memory. */
export class TestHouse {
  readonly keys: ApiKey[] = [];
  /** By the id of the organisation, project or key. */
  readonly limits = new Map<string, SubjectLimits>();
  readonly rules = new Map<string, ParameterRule>();
  readonly segments: StoredSegment[] = [];
  readonly calls: ChatCall[] = [];
  /** Of the latest call with tensors, as the router hears of it. */
  jsonOutputs: readonly string[] | undefined;
  readonly filter = new ScriptedFilter();
  readonly billing = new ScriptedBilling();
  answer: Answer = helloAnswer;
  /** What the router says of a model that takes tensors. */
  describe: (asked: DescribeModelRequest) => MessageInitShape<typeof DescribeModelResponseSchema> = () => ({});
  accessAway = false;
  /** Awaited before a segment counts as durable. */
  beforeAppend: () => Promise<void> = () => Promise.resolve();
  bodyPolicy = BodyPolicy.SENT;
  /** Where limits are counted; another one is set before the start. */
  store: Store = createInProcessStore(systemClock);
  external = false;
  readonly backups: string[] = [];
  makeBackup = async (directory: string, _signal: AbortSignal): Promise<void> => void this.backups.push(directory);
  readonly revoked = new Set<string>();
  url = '';
  adminUrl = '';
  /** `host:port`, where gRPC is served. */
  grpcAddress = '';
  stop: () => Promise<void> = () => Promise.resolve();
  #accessHead = 1n;
  #accessFollower: Follower | undefined;

  addKey(kind: 'inference' | Role, init: MessageInitShape<typeof ApiKeySchema> = {}): string {
    const secret = `sk-sluice-${randomBytes(32).toString('base64url')}`;
    const inference = kind === 'inference';
    this.keys.push(
      create(ApiKeySchema, {
        id: `key_${this.keys.length}`,
        organisationId: 'org_1',
        projectId: inference ? 'project_1' : '',
        kind: inference ? KeyKind.INFERENCE : KeyKind.ADMIN,
        role: inference ? Role.UNSPECIFIED : kind,
        keyedHash: keyedHashOf(secret),
        ...init,
      }),
    );
    return secret;
  }

  /** Tells the gateway of a change to a key, as the access service does. */
  changeKey(secret: string, init: MessageInitShape<typeof ApiKeySchema>): void {
    const index = this.keys.findIndex(({ keyedHash }) => Buffer.from(keyedHash).equals(keyedHashOf(secret)));
    const key = (this.keys[index] = create(ApiKeySchema, { ...this.keys[index]!, ...init }));
    this.#tell({ case: 'key', value: key });
  }

  /** Sets limits and tells the gateway, as the access service does. */
  limit(init: MessageInitShape<typeof SubjectLimitsSchema>): SubjectLimits {
    const limits = create(SubjectLimitsSchema, init);
    this.limits.set(limits.subjectId, limits);
    this.#tell({ case: 'limits', value: limits });
    return limits;
  }

  /** Sets a parameter rule and tells the gateway, as the access service does. */
  rule(init: MessageInitShape<typeof ParameterRuleSchema>): ParameterRule {
    const rule = create(ParameterRuleSchema, { id: `prule_${this.rules.size}`, ...init });
    this.rules.set(rule.id, rule);
    this.#tell({ case: 'parameterRule', value: rule });
    return rule;
  }

  #tell(change: AccessChanged['change']): void {
    this.#accessFollower!.onRecord({ position: ++this.#accessHead, key: 'org_1', message: create(AccessChangedSchema, { organisationId: 'org_1', change }) });
  }

  #removeRule(id: string): ParameterRule {
    const rule = this.rules.get(id);
    if (!rule) throw new ServiceError('not_found', 'There is no such parameter rule.', { param: 'rule_id' });
    this.rules.delete(id);
    this.#tell({ case: 'removedParameterRuleId', value: id });
    return rule;
  }

  async start(config: Partial<GatewayConfig> = {}): Promise<this> {
    const platform = this.#platform();
    this.#serve(platform);
    const app = await NestFactory.createApplicationContext(
      createGateway(platform, {
        SLUICE_HOST: '127.0.0.1',
        SLUICE_PORT: 0,
        SLUICE_ADMIN_HOST: '127.0.0.1',
        SLUICE_ADMIN_PORT: 0,
        SLUICE_SHARE_PORTS: false,
        SLUICE_PRODUCER: 'gateway-test',
        SLUICE_PRODUCER_IS_SOLE: false,
        SLUICE_OPEN_CALLS_LIMIT: 100,
        SLUICE_HELD_BYTES_LIMIT: 2 ** 30,
        SLUICE_CALL_LIMIT_MS: 30_000,
        SLUICE_DRAIN_LIMIT_MS: 200,
        metrics: async () => 'figures 1\n',
        backup: async (directory, signal) => this.makeBackup(directory, signal),
        ...config,
      }),
      { logger: false, abortOnError: false },
    );
    const addresses = app.get(GatewayAddresses);
    this.url = addresses.public;
    this.adminUrl = addresses.admin;
    this.grpcAddress = addresses.grpc;
    this.stop = () => app.close();
    await until(async () => (await fetch(`${this.url}/readyz`)).status === 200);
    return this;
  }

  /** The records of all segments, in order, with the name of their kind. */
  records(): { callId: string; kind: string; value: Record<string, unknown> }[] {
    return this.segments.flatMap(({ bytes }) => (decodeSegment(bytes) as Segment).records.map(({ callId, record }) => ({ callId, kind: record.case ?? '', value: record.value as unknown as Record<string, unknown> })));
  }

  kindsOf(callId: string): string[] {
    return this.records().filter((record) => record.callId === callId).map(({ kind }) => kind);
  }

  #platform(): Platform {
    const transport = new InProcessTransport({ freezeStreams: true });
    let epoch = 0n;
    const events = {
      hasRoom: () => true,
      producerName: (name: string) => name,
      takeEpoch: async () => ++epoch,
      renewEpoch: async () => undefined,
      closeEpoch: async () => true,
      appendSegment: async (segment: StoredSegment) => {
        await this.beforeAppend();
        this.segments.push(segment);
      },
      follow: (schema: unknown, _after: bigint, follower: Follower) => {
        const ofAccess = schema === AccessChangedSchema;
        if (ofAccess) this.#accessFollower = follower;
        const timer = setInterval(() => this.accessAway || follower.onBeat(ofAccess ? this.#accessHead : 1n), 100);
        return { stop: async () => clearInterval(timer), caughtUp: async () => undefined, lag: () => 0 };
      },
    } as unknown as EventLog;
    return {
      connect: (service) => transport.connect(service),
      serve: (service, implementation) => transport.serve(service, implementation),
      events,
      sql: () => Promise.reject(new Error('the gateway has no tables')),
      clock: systemClock,
      ids: systemIds(systemClock),
      rootKey: { wrap: () => Buffer.alloc(0), unwrap: () => Buffer.alloc(0) } as unknown as Platform['rootKey'],
      logger: silentLogger,
      health: new Health(),
      store: this.store,
    };
  }

  #serve(platform: Platform): void {
    const project = () => create(ProjectSchema, { id: 'project_1', organisationId: 'org_1', name: 'first', bodyPolicy: this.bodyPolicy, createdAtMs: 1_700_000_000_000n });
    const dataKey = { id: 'data_1', key: randomBytes(32) };
    platform.serve(AccessService, {
      getSnapshot: async () => {
        if (this.accessAway) throw new ServiceError('backend_unavailable', 'access is away');
        return { position: this.#accessHead, projects: [{ project: project(), dataKeys: [dataKey] }], keys: this.keys, pepper: PEPPER, limits: [...this.limits.values()], parameterRules: [{ organisationId: 'org_1', rules: [...this.rules.values()] }] };
      },
      getProjectSecrets: async () => ({ project: { project: project(), dataKeys: [dataKey] } }),
      authorise: async () => ({}),
      createProject: async ({ name, bodyPolicy }) => ({ project: { ...project(), name, bodyPolicy } }),
      listProjects: async () => ({ projects: [project()] }),
      createApiKey: async ({ kind, role, projectId, name, models, expiresAtMs }) => ({ key: create(ApiKeySchema, { id: 'key_new', kind, role, projectId, name, models, expiresAtMs, prefix: 'sk-sluice-abc' }), secret: 'sk-sluice-new' }),
      listApiKeys: async () => ({ keys: this.keys }),
      revokeApiKey: async ({ keyId }) => {
        const wasRevoked = this.revoked.has(keyId);
        this.revoked.add(keyId);
        return { key: create(ApiKeySchema, { id: keyId, kind: KeyKind.INFERENCE, revokedAtMs: 1_700_000_000_000n }), wasRevoked };
      },
      setLimits: async ({ level, subjectId, change }) => {
        const names = ['requestsPerMinute', 'tokensPerMinute', 'concurrentRequests', 'requestsPerDay'] as const;
        const given = Object.fromEntries(names.flatMap((name) => (change?.[name] === undefined ? [] : [[name, change[name]]])));
        if (Object.keys(given).length === 0) throw new ServiceError('missing_required_parameter', 'Nothing is to change.', { param: 'requests_per_minute' });
        return { limits: this.limit({ level, subjectId, limits: { ...this.limits.get(subjectId)?.limits, ...given } as NonNullable<SubjectLimits['limits']> }) };
      },
      listLimits: async () => ({ limits: [...this.limits.values()] }),
      setParameterRule: async ({ rule }) => ({ rule: this.rule({ ...rule!, id: `prule_${this.rules.size}` }) }),
      listParameterRules: async () => ({ rules: [...this.rules.values()] }),
      removeParameterRule: async ({ ruleId }) => ({ rule: this.#removeRule(ruleId) }),
    });
    platform.serve(ContentFilterService, this.filter.service);
    platform.serve(FilterRulesService, scriptedFilterRules);
    platform.serve(BillingService, this.billing.service);
    const model = { id: 'model_1', organisationId: 'org_1', name: 'org/small', createdAtMs: 1_700_000_000_000n };
    const version = { id: 'version_1', modelId: 'model_1', number: 1, digest: 'sha256:00', description: 'small.gguf' };
    const deployment = () => ({ id: 'deployment_1', versionId: 'version_1', state: DeploymentState.ACTIVE, placement: this.external ? Placement.EXTERNAL : Placement.INSIDE });
    const other = { id: 'model_2', organisationId: 'org_1', name: 'large', createdAtMs: 1_700_000_000_000n };
    const aliases = [{ name: 'chat', modelId: 'model_1', organisationId: 'org_1' }];
    platform.serve(ModelRegistryService, {
      getSnapshot: async () => ({ position: 1n, models: [model, other], versions: [version], deployments: [deployment()], aliases }),
      addModel: async ({ name }) => ({ model: { ...model, name }, version, deployment: deployment() }),
      listModels: async () => ({ models: [model], versions: [version], deployments: [deployment()], aliases }),
      removeModel: async () => ({}),
      setAlias: async ({ alias }) => ({ alias: { name: alias, modelId: 'model_1' } }),
      removeAlias: async () => ({}),
    });
    const answered = (call: ChatCall, signal: AbortSignal): AsyncIterable<EventInit[]> => {
      this.calls.push(call);
      return this.answer(call, signal);
    };
    const batched = async function* (answers: AsyncIterable<EventInit[]>): AsyncGenerator<{ events: EventInit[] }> {
      for await (const events of answers) yield { events };
    };
    platform.serve(InferenceService, {
      chat: async ({ call }, { signal }) => {
        const events: EventInit[] = [];
        for await (const batch of answered(call!, signal)) events.push(...batch);
        return { events };
      },
      streamChat: ({ call }, { signal }) => batched(answered(call!, signal)),
      inferTensors: ({ call, jsonOutputs }, { signal }) => {
        this.jsonOutputs = jsonOutputs?.names;
        return batched(answered(call!, signal));
      },
      describeModel: async (request) => this.describe(request),
      countTokens: async () => ({}),
      listBackends: async () => ({ backends: [{ deploymentId: 'deployment_1', modelId: 'model_1', versionId: 'version_1', healthy: true, breaker: 'closed', inFlight: 2 }] }),
    });
    this.#serveAudit(platform);
  }

  #serveAudit(platform: Platform): void {
    const call = { callId: 'c'.repeat(32), organisationId: 'org_1', projectId: 'project_1', keyId: 'key_0', model: 'chat', status: 'answered', httpStatus: 200, admittedAtMs: 1_700_000_000_000n, leafIndex: 7n };
    platform.serve(AuditService, {
      listCalls: async ({ limit }) => ({ calls: [{ ...call, durationMs: limit }], hasMore: true }),
      getCall: async ({ callId }) => ({
        call: { ...call, callId },
        bodiesAvailable: true,
        parts: [
          { producer: 'p', epoch: 1n, seq: 2n, body: { body: { case: 'admitted', value: { call: { model: 'chat', choices: 1, messages: Buffer.from('[{"role":"user","content":"hi"}]'), fields: [{ name: 'seed', json: Buffer.from('7') }] }, promptSalt: Buffer.from('pepper') } } }, outputChain: Buffer.from('start') },
          { producer: 'p', epoch: 1n, seq: 3n, body: { body: { case: 'output', value: { events: [delta('Hel'), delta('lo'), finished()] } } } },
          { producer: 'p', epoch: 1n, seq: 4n, body: { body: { case: 'completed', value: { error: Buffer.from('{"error":{"message":"Broke.","type":"t","param":null,"code":"c"}}'), errorSalt: Buffer.from('sea'), openings: [{ name: 'model', salt: Buffer.from('salt'), value: Buffer.from('chat') }] } } } },
        ],
      }),
      countCalls: async () => ({ counts: [] }),
      listActs: async () => ({ acts: [{ act: { id: 'act_1', action: 'key.created', object: 'api_key:key_0', actedAtMs: 1_700_000_000_000n, detailJson: '{"name":"x"}' }, leafIndex: 3n }] }),
      getCheckpoint: async () => ({ note: Buffer.from('log\n5\nroot\n'), verifierKey: 'log+1+key' }),
      getTile: async ({ path }) => ({ data: Buffer.from(path) }),
      getProof: async () => ({ bundle: Buffer.from('proof'), entry: Buffer.from('entry') }),
    });
  }
}

export function delta(text: string, choice = 0, channel = Channel.CONTENT): EventInit {
  return { event: { case: 'delta', value: { text, choice, channel } } };
}

export function started(): EventInit {
  return { event: { case: 'started', value: { versionId: 'version_1', deploymentId: 'deployment_1' } } };
}

export function finished(reason = 'stop', choice = 0): EventInit {
  return { event: { case: 'finished', value: { choice, reason } } };
}

export function usage(): EventInit {
  return { event: { case: 'usage', value: { inputTokens: 3n, outputTokens: 2n } } };
}

export async function* helloAnswer(): AsyncIterable<EventInit[]> {
  yield [started()];
  yield [delta('Hel')];
  yield [delta('lo'), finished(), usage()];
}

/** Waits for a condition; the deadline is the test's. */
const WAIT_LIMIT_MS = 60_000;

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + WAIT_LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error('the condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
