import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { loadRootKey } from '@sluice/envelope';
import { startHost } from '@sluice/host';
import { createEmbeddedPlatform } from '@sluice/platform';
import { silentLogger, startTelemetry } from '@sluice/telemetry';
import { ScriptedUpstream, streamedChat } from '@sluice/testkit';
import { dataFolder } from '../data-folder/data-folder.ts';
import { readAllSettings } from './all-settings.ts';
import { addressesOf, ALL_SERVICES, compose } from '../services/compose.ts';
import { firstKeys } from './credentials.ts';

const START_LIMIT_MS = 240_000;
const WAIT_LIMIT_MS = 60_000;
/** Traces that clients began (W3C Trace Context): one for a call, one for an administrator's act. */
const CALL = '0af7651916cd43dd8448eb211c80319c';
const ACT = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = (trace: string): string => `00-${trace}-b7ad6b7169203331-01`;
const SECRET = 'planted-in-the-prompt';

/** Keeps its spans when it is shut down, which is when the last of them come. */
class KeptSpans extends InMemorySpanExporter {
  override shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** The spans of one trace as they hang together: each with those that it caused. */
function tree(spans: readonly ReadableSpan[], trace: string, parentId = 'b7ad6b7169203331'): object {
  const children = spans.filter((span) => span.spanContext().traceId === trace && span.parentSpanContext?.spanId === parentId);
  return Object.fromEntries(children.map((span) => [span.name, tree(spans, trace, span.spanContext().spanId)]));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + WAIT_LIMIT_MS;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('it did not come true');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The whole house as `up` composes it, in this process, over a real upstream. */
describe('a trace through the house', () => {
  const spans = new KeptSpans();
  const stack = new AsyncDisposableStack();
  let upstream: ScriptedUpstream;
  let finished: readonly ReadableSpan[];

  beforeAll(async () => {
    const root = mkdtempSync(join(tmpdir(), 'sluice-trace-'));
    stack.defer(() => rmSync(root, { recursive: true, force: true }));
    const folder = dataFolder(root);
    mkdirSync(folder.models);
    upstream = await ScriptedUpstream.start();
    stack.defer(async () => upstream.stop());
    const telemetry = startTelemetry({ serviceVersion: '0', spanExporter: spans });
    const rootKey = await loadRootKey(folder.rootKey, { create: true });
    const credentials = firstKeys(folder);
    const embedded = await createEmbeddedPlatform({ dataDir: root, databaseUrl: undefined, rootKey, logger: silentLogger });
    stack.defer(async () => embedded.stop());
    const settings = readAllSettings({ SLUICE_PORT: '0', SLUICE_ADMIN_PORT: '0' });
    const stages = await compose(ALL_SERVICES, { platform: embedded.platform, settings, modelsFolder: folder.models, knownWeightsFile: folder.knownWeights, credentials, metrics: async () => telemetry.prometheusText() });
    const host = await startHost({ logger: silentLogger, stages });
    stack.defer(async () => host.stop());
    const { url, adminUrl } = await addressesOf(host);

    const admin = (path: string, trace?: string, body?: object): Promise<Response> =>
      fetch(`${adminUrl}/admin/v1${path}`, {
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
        headers: { authorization: `Bearer ${credentials.adminKey}`, 'content-type': 'application/json', ...(trace && { traceparent: traceparent(trace) }) },
      });
    expect((await admin('/models', undefined, { name: 'm', openai: { base_url: upstream.baseUrl, upstream_model: 'up' } })).status).toBe(201);
    upstream.always(streamedChat({ pieces: ['Yes.'] }));
    const chat = async (trace?: string): Promise<string> => {
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: SECRET }] }),
        headers: { authorization: `Bearer ${credentials.apiKey}`, 'content-type': 'application/json', ...(trace && { traceparent: traceparent(trace) }) },
      });
      return answer.text();
    };
    // A model that a copy of the registry has not heard of is asked for: the traced call comes when all know it.
    await until(async () => (await chat()).includes('Yes.'));
    expect(await chat(CALL)).toContain('Yes.');
    const { id } = (await (await admin('/projects', ACT, { name: 'traced' })).json()) as { id: string };
    await until(async () => (await (await admin('/audit/acts')).text()).includes(id));
    await telemetry.shutdown();
    finished = spans.getFinishedSpans();
  }, START_LIMIT_MS);
  afterAll(async () => stack.disposeAsync());

  it('takes one chat call over HTTP, the filter, billing, the router and the attempt at the backend, which is told', async () => {
    expect(tree(finished, CALL)).toEqual({ chat: { 'content_filter.v1.ContentFilterService/Filter': {}, 'billing.v1.BillingService/Spend': {}, 'inference.v1.InferenceService/StreamChat': { 'chat up': {} } } });
    const attempt = finished.find((span) => span.name === 'chat up' && span.spanContext().traceId === CALL)!;
    expect(upstream.requests.at(-1)!.headers['traceparent']).toBe(`00-${CALL}-${attempt.spanContext().spanId}-01`);
  });

  it('takes one act of an administrator to the consumer that writes it into the log', () => {
    expect(tree(finished, ACT)).toEqual({ 'POST /admin/v1/projects': { 'access.v1.AccessService/CreateProject': { 'process admin.acted': {} } } });
    const consumer = finished.find((span) => span.spanContext().traceId === ACT && span.name === 'process admin.acted')!;
    expect(consumer.attributes['messaging.consumer.group.name']).toMatch(/^audit/);
  });

  it('holds nothing of what was said', () => {
    expect(JSON.stringify(finished.map(({ name, attributes, events, status }) => [name, attributes, events, status]))).not.toContain(SECRET);
  });
});
