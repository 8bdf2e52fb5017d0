import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create, toBinary } from '@bufbuild/protobuf';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { systemClock, systemIds } from '@sluice/clock';
import { readConfig } from '@sluice/config';
import { Health } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { GRPCInferenceService, ModelInferRequestSchema } from '@sluice/proto/kserve';
import { ModelRegistryService, Protocol } from '@sluice/proto/model_registry/v1/model_registry';
import { InProcessTransport, type Client, type Implementation } from '@sluice/rpc';
import { silentLogger } from '@sluice/telemetry';
import { chunk, errorEnvelope, ScriptedUpstream, streamedChat, wholeChat, type Script } from '@sluice/testkit';
import { textOf } from './domain/backend.contract.ts';
import { WHOLE_ANSWER_LIMIT_BYTES } from './domain/limits.ts';
import { createInferenceRouter, inferenceRouterConfig } from './index.ts';
import { chatCall } from './testing/scripted-backend.ts';
import { RegistryOwner } from './testing/registry-owner.ts';

/** The whole service on the in-process transport, over real upstreams; only the registry and its topic are scripted. */
describe('the inference-router', () => {
  let owner: RegistryOwner;
  let upstream: ScriptedUpstream;
  let other: ScriptedUpstream;
  let router: Client<typeof InferenceService>;
  let health: Health;
  let transport: InProcessTransport;
  let app: INestApplicationContext;
  beforeEach(async () => {
    [upstream, other] = await Promise.all([ScriptedUpstream.start(), ScriptedUpstream.start()]);
    owner = new RegistryOwner();
    health = new Health();
    transport = new InProcessTransport({ freezeStreams: true });
    transport.serve(ModelRegistryService, owner.service);
    const platform = {
      connect: (service: typeof InferenceService) => transport.connect(service),
      serve: (service: typeof InferenceService, implementation: Implementation<typeof InferenceService>) => transport.serve(service, implementation),
      events: owner.events,
      clock: systemClock,
      ids: systemIds(systemClock),
      logger: silentLogger,
      health,
    } as unknown as Platform;
    app = await NestFactory.createApplicationContext(createInferenceRouter(platform, readConfig(inferenceRouterConfig, { SLUICE_WHOLE_ANSWERS_LIMIT_BYTES: String(WHOLE_ANSWER_LIMIT_BYTES) })), { logger: false });
    router = transport.connect(InferenceService);
  });
  afterEach(async () => {
    await app.close();
    await Promise.all([upstream.stop(), other.stop()]);
  });

  const request = (model = 'm', stream = true) => ({ callId: 'c', organisationId: 'org_1', modelId: `model_${model}`, call: chatCall(model, stream) });
  const ask = async (model = 'm'): Promise<string> => {
    const events: ChatEvent[] = [];
    for await (const batch of router.streamChat(request(model))) events.push(...batch.events);
    return textOf(events);
  };

  it('answers whole and streamed with the model of the backend and its credential', async () => {
    owner.deploy('m', upstream.baseUrl, { token: 'secret' });
    await upstream.probed(1);
    expect(await ask()).toBe('The answer is 42.');
    const { events } = await router.chat(request('m', false));
    expect(textOf(events)).toBe('The answer is 42.');
    expect(upstream.requests.map((one) => [one.headers.authorization, one.json()['model'], one.json()['stream']])).toEqual([
      ['Bearer secret', 'upstream-m', true],
      ['Bearer secret', 'upstream-m', false],
    ]);
  });

  it('does not know the models of another organisation, nor calls that name none', async () => {
    owner.deploy('m', upstream.baseUrl);
    await upstream.probed(1);
    await expect(router.chat({ ...request(), organisationId: 'org_2' })).rejects.toMatchObject({ code: 'model_not_found' });
    await expect(router.chat({ ...request(), organisationId: '' })).rejects.toMatchObject({ code: 'missing_required_parameter', param: 'organisation_id' });
    await expect(router.chat({ callId: 'c', organisationId: 'org_1' })).rejects.toMatchObject({ code: 'missing_required_parameter' });
    await expect(router.chat({ ...request(), modelId: '' })).rejects.toMatchObject({ code: 'missing_required_parameter', param: 'model_id' });
  });

  it('does not know how many tokens a prompt has at a server of OpenAI\'s protocol, and asks it nothing', async () => {
    owner.deploy('m', upstream.baseUrl);
    await upstream.probed(1);
    expect((await router.countTokens(request())).inputTokens).toBeUndefined();
    expect(upstream.requests).toEqual([]);
    expect((await router.countTokens({ ...request(), organisationId: 'org_2' })).inputTokens).toBeUndefined();
    await expect(router.countTokens({ ...request(), organisationId: '' })).rejects.toMatchObject({ code: 'missing_required_parameter', param: 'organisation_id' });
  });

  it('answers chats whole while answers of tensors have taken all of their room', async () => {
    const tensor = (name: string, size: number) => ({ name, datatype: 'UINT8', shape: [BigInt(size)] });
    const signature = { inputs: [tensor('x', 1)], outputs: [tensor('y', WHOLE_ANSWER_LIMIT_BYTES)] };
    const reached = Promise.withResolvers<void>();
    transport.serve(GRPCInferenceService, {
      modelReady: async () => ({ ready: true }),
      modelMetadata: async ({ name }: { readonly name: string }) => ({ name, ...signature }),
      modelInfer: async (_request: unknown, { signal }: { readonly signal: AbortSignal }) => {
        reached.resolve();
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
      },
    } as unknown as Implementation<typeof GRPCInferenceService>);
    owner.deploy('m', upstream.baseUrl);
    owner.deploy('t', 'local', { protocol: Protocol.KSERVE, signature });
    const tensors = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { inputs: [tensor('x', 1)], rawInputContents: [Uint8Array.of(1)] }));
    const asked = { ...request('t'), call: { ...chatCall('t', false), tensors } };
    const leave = new AbortController();
    const running = router.inferTensors(asked, { signal: leave.signal })[Symbol.asyncIterator]().next();
    running.catch(() => undefined);
    await reached.promise;
    const readAll = async (): Promise<void> => {
      for await (const _ of router.inferTensors(asked));
    };
    await expect(readAll()).rejects.toMatchObject({ code: 'overloaded', message: expect.stringContaining('fewer tensors') });
    expect(textOf((await router.chat(request('m', false))).events)).toBe('The answer is 42.');
    leave.abort();
    await expect(running).rejects.toBeDefined();
  });

  it('finds a model whose event it has not heard of', async () => {
    owner.losesEvents = true;
    owner.deploy('m', upstream.baseUrl);
    expect(await ask()).toBe('The answer is 42.');
  });

  it('lets the running call end when its deployment is taken away, and sends the next to the new one', async () => {
    owner.deploy('m', upstream.baseUrl, { id: 'dep_old' });
    await upstream.probed(1);
    const gate = Promise.withResolvers<void>();
    upstream.next({ steps: [{ event: chunk({ content: 'half' }) }, { wait: gate.promise }, ...streamedChat({ pieces: [' and half'] }).steps] });
    const running = router.streamChat(request())[Symbol.asyncIterator]();
    expect(textOf((await running.next()).value!.events)).toBe('half');
    owner.deploy('m', other.baseUrl, { id: 'dep_new' });
    owner.remove('dep_old');
    await other.probed(1);
    other.next(streamedChat({ pieces: ['new'] }));
    expect(await ask()).toBe('new');
    gate.resolve();
    let rest = '';
    for (let next = await running.next(); !next.done; next = await running.next()) rest += textOf(next.value.events);
    expect(rest).toBe(' and half');
  });

  it('goes to the other deployment when one fails before the first byte, and fails no request', async () => {
    owner.deploy('m', upstream.baseUrl, { id: 'dep_1' });
    owner.deploy('m', other.baseUrl, { id: 'dep_2' });
    await Promise.all([upstream.probed(1), other.probed(1)]);
    upstream.always(errorEnvelope(503));
    for (let call = 0; call < 12; call++) expect(await ask()).toBe('The answer is 42.');
    expect(upstream.requests.length).toBeLessThanOrEqual(5);
  });

  it('cancels at the backend when the caller leaves', async () => {
    owner.deploy('m', upstream.baseUrl);
    upstream.next({ steps: [{ event: chunk({ content: 'x' }) }, { stall: true }] });
    for await (const _ of router.streamChat(request())) break;
    await (await upstream.received(0)).clientLeft;
  });

  it('collects as many bytes of whole answers as it may, from whichever backend, and no more', async () => {
    owner.deploy('m', upstream.baseUrl);
    owner.deploy('n', other.baseUrl);
    await Promise.all([upstream.probed(1), other.probed(1)]);
    const big = (end: Promise<unknown>): Script => ({ headers: { 'content-type': 'application/json' }, steps: [{ repeat: ' '.repeat(2 ** 20), times: 20 }, { wait: end }, ...wholeChat().steps] });
    const gate = Promise.withResolvers<void>();
    upstream.next(big(gate.promise));
    other.next(big(gate.promise));
    const answers = await Promise.allSettled(['m', 'n'].map((model) => router.chat(request(model, false)).finally(gate.resolve)));
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'overloaded', httpStatus: 503 } });
    expect((await router.listBackends({ organisationId: 'org_1' })).backends.map(({ breaker, reason, inFlight }) => [breaker, reason, inFlight])).toEqual([['closed', '', 0], ['closed', '', 0]]);
    expect(textOf((await router.chat(request('m', false))).events)).toBe('The answer is 42.');
  });

  it('tells how it sees every deployment', async () => {
    owner.deploy('m', upstream.baseUrl);
    await upstream.probed(1);
    await ask();
    expect((await router.listBackends({ organisationId: 'org_1' })).backends).toMatchObject([
      { deploymentId: 'dep_m', modelId: 'model_m', versionId: 'ver_m', healthy: true, breaker: 'closed', inFlight: 0, reason: '' },
    ]);
    expect((await router.listBackends({ organisationId: 'org_2' })).backends).toEqual([]);
    await expect(router.listBackends({})).rejects.toMatchObject({ code: 'missing_required_parameter', param: 'organisation_id' });
  });

  it('keeps answering when the registry is away', async () => {
    owner.deploy('m', upstream.baseUrl);
    owner.isAway = true;
    expect(await ask()).toBe('The answer is 42.');
    expect(health.report().checks['inference-router']!.status).toBe('ok');
  });
});
