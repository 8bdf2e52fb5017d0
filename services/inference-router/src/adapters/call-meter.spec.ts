import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { UsageSchema } from '@sluice/proto/chat/v1/chat';
import { startTelemetry, type Telemetry, type TelemetryOptions } from '@sluice/telemetry';
import { ScriptedUpstream } from '@sluice/testkit';
import { systemClock } from '@sluice/clock';
import { backendCall, collect } from '../domain/backend.contract.ts';
import { Fleet } from '../domain/fleet.ts';
import { WholeAnswers } from '../domain/whole-answers.ts';
import type { Meter } from '../domain/ports.ts';
import { deployment, ScriptedBackend, settled } from '../testing/scripted-backend.ts';
import { createCallMeter, observeRouter } from './call-meter.ts';
import { createOpenAiBackend } from './openai/openai-backend.ts';

type Exporter = NonNullable<TelemetryOptions['spanExporter']>;
type Span = Parameters<Exporter['export']>[0][number];

describe('the figures of calls', () => {
  let telemetry: Telemetry;
  let spans: Span[];
  let clock: ManualClock;
  let meter: Meter;
  beforeEach(() => {
    spans = [];
    const spanExporter: Exporter = {
      export: (batch, done) => {
        spans.push(...batch);
        done({ code: 0 });
      },
      shutdown: () => Promise.resolve(),
    };
    telemetry = startTelemetry({ serviceVersion: '0', spanExporter });
    clock = new ManualClock();
    meter = createCallMeter(clock);
  });
  afterEach(() => telemetry.shutdown());
  const usage = create(UsageSchema, { inputTokens: 7n, outputTokens: 5n, json: Buffer.from('{"planted":"secret"}') });

  it('count durations and tokens under the names of the GenAI conventions', async () => {
    const attempt = meter.attempt(deployment('dep_1'));
    clock.advance(250);
    attempt.firstToken();
    clock.advance(750);
    attempt.end({ usage, error: undefined });
    const text = await telemetry.prometheusText();
    expect(text).toMatch(/gen_ai_client_operation_duration(_seconds)?_sum\{[^}]*gen_ai_request_model="m"[^}]*\} 1\b/);
    expect(text).toMatch(/gen_ai_client_operation_time_to_first_chunk(_seconds)?_sum\{[^}]*\} 0.25\b/);
    expect(text).toMatch(/gen_ai_client_token_usage_sum\{[^}]*gen_ai_token_type="output"[^}]*\} 5\b/);
  });

  it('make a span for each attempt that names the code of a failure and no content', async () => {
    meter.attempt(deployment('dep_1', { credential: 'planted' })).end({ usage: undefined, error: new ServiceError('upstream_refused', 'planted words of the prompt') });
    meter.attempt(deployment('dep_2')).end({ usage, error: undefined });
    await telemetry.shutdown();
    expect(spans.map(({ name, attributes }) => [name, attributes['sluice.deployment.id'], attributes['error.type'], attributes['gen_ai.usage.input_tokens']])).toEqual([
      ['chat m', 'dep_1', 'upstream_refused', undefined],
      ['chat m', 'dep_2', undefined, 7],
    ]);
    expect(JSON.stringify(spans.map(({ attributes, status, events }) => ({ attributes, status, events })))).not.toContain('planted');
  });

  it('let the trace go on at the backend', async () => {
    await using upstream = await ScriptedUpstream.start();
    const backend = createOpenAiBackend({ target: upstream.baseUrl, credential: undefined, connections: 1, wholeAnswers: new WholeAnswers(2 ** 20), clock: systemClock });
    const attempt = meter.attempt(deployment('dep_1'));
    await attempt.run(() => collect(backend.chat(backendCall(), new AbortController().signal)));
    attempt.end({ usage: undefined, error: undefined });
    await backend.close();
    await telemetry.shutdown();
    const { traceId, spanId } = spans[0]!.spanContext();
    expect((await upstream.received(0)).headers['traceparent']).toBe(`00-${traceId}-${spanId}-01`);
  });

  it('show load, breaker and health of each deployment, and what is collected, until taken back', async () => {
    const counted = { inferences: 12, executions: 5, failures: 1, queueSeconds: 0.5, batches: new Map([[2, 4], [4, 1]]) };
    const fleet = new Fleet({ open: () => Object.assign(new ScriptedBackend(), { statistics: () => counted }), clock, random: () => 0, inFlightPerDeployment: 1, onFault: () => undefined });
    const wholeAnswers = new WholeAnswers(100);
    using room = wholeAnswers.begin();
    room.take(42);
    const forget = observeRouter(fleet, { chat: wholeAnswers, tensors: new WholeAnswers(1) });
    fleet.reconcile([deployment('dep_1')]);
    await settled();
    fleet.choose('model_1', new Set(), false)!.begin();
    const text = await telemetry.prometheusText();
    expect(text).toMatch(/sluice_router_in_flight\{[^}]*sluice_deployment_id="dep_1"[^}]*\} 1\b/);
    expect(text).toMatch(/sluice_router_breaker\{[^}]*\} 0\b/);
    expect(text).toMatch(/sluice_router_whole_answer_bytes\{[^}]*sluice_answer_kind="chat"[^}]*\} 42\b/);
    expect(text).toMatch(/sluice_router_whole_answer_bytes\{[^}]*sluice_answer_kind="tensors"[^}]*\} 0\b/);
    expect(text).toMatch(/sluice_router_healthy\{[^}]*\} 1\b/);
    expect(text).toMatch(/sluice_backend_inferences(_total)?\{[^}]*sluice_deployment_id="dep_1"[^}]*\} 12\b/);
    expect(text).toMatch(/sluice_backend_executions(_total)?\{[^}]*\} 5\b/);
    expect(text).toMatch(/sluice_backend_queue_time(_seconds)?(_total)?\{[^}]*\} 0\.5\b/);
    expect(text).toMatch(/sluice_backend_batches(_total)?\{[^}]*sluice_batch_size="2"[^}]*\} 4\b/);
    forget();
    await fleet.close();
  });
});
