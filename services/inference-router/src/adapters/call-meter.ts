import { context, metrics, SpanKind, SpanStatusCode, trace, type Attributes, type Meter as Instruments, type ObservableCounter } from '@opentelemetry/api';
import type { Clock } from '@sluice/clock';
import type { BackendStatistics } from '../domain/backend.ts';
import type { Deployment } from '../domain/deployment.ts';
import type { Fleet } from '../domain/fleet.ts';
import type { AttemptMeter, Meter } from '../domain/ports.ts';
import type { WholeAnswers } from '../domain/whole-answers.ts';

/** Buckets that OpenTelemetry's GenAI conventions advise, in seconds. */
const DURATION_BUCKETS_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const TOKEN_BUCKETS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];

/**
 * Spans and figures of attempts by OpenTelemetry's semantic conventions for generative AI. Attributes name models,
 * deployments and error codes, never content.
 */
export function createCallMeter(clock: Clock): Meter {
  const tracer = trace.getTracer('inference-router');
  const meter = metrics.getMeter('inference-router');
  const advice = { explicitBucketBoundaries: DURATION_BUCKETS_SECONDS };
  const duration = meter.createHistogram('gen_ai.client.operation.duration', { unit: 's', description: 'Duration of an attempt at a backend.', advice });
  const firstToken = meter.createHistogram('gen_ai.client.operation.time_to_first_chunk', { unit: 's', description: 'Time to the first event of an attempt.', advice });
  const tokens = meter.createHistogram('gen_ai.client.token.usage', { unit: '{token}', description: 'Tokens of an answered attempt.', advice: { explicitBucketBoundaries: TOKEN_BUCKETS } });

  return {
    attempt(deployment: Deployment): AttemptMeter {
      const beganMs = clock.monotonicMs();
      const elapsedSeconds = (): number => (clock.monotonicMs() - beganMs) / 1000;
      const labels: Attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': deployment.protocol, 'gen_ai.request.model': deployment.upstreamModel };
      const attributes = { ...labels, 'sluice.deployment.id': deployment.id, 'sluice.version.id': deployment.versionId };
      const span = tracer.startSpan(`chat ${deployment.upstreamModel}`, { kind: SpanKind.CLIENT, attributes });
      const active = trace.setSpan(context.active(), span);
      return {
        run: (work) => context.with(active, work),
        firstToken() {
          firstToken.record(elapsedSeconds(), labels);
        },
        end({ usage, error }) {
          const outcome = error ? { ...labels, 'error.type': error.code } : labels;
          duration.record(elapsedSeconds(), outcome);
          if (usage) {
            const [input, output] = [Number(usage.inputTokens), Number(usage.outputTokens)];
            tokens.record(input, { ...labels, 'gen_ai.token.type': 'input' });
            tokens.record(output, { ...labels, 'gen_ai.token.type': 'output' });
            span.setAttributes({ 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.output_tokens': output });
          }
          // The code only: a message may quote what the backend said of the request.
          if (error) span.setAttribute('error.type', error.code).setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
  };
}

const BREAKER_VALUES = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Gauges of the fleet and of what is collected from it in each room, read when metrics are asked for. Returns how to take them back. */
export function observeRouter(fleet: Fleet, rooms: Readonly<Record<'chat' | 'tensors', WholeAnswers>>): () => void {
  const meter = metrics.getMeter('inference-router');
  const inFlight = meter.createObservableGauge('sluice.router.in_flight', { description: 'Calls that run on a deployment.' });
  const breaker = meter.createObservableGauge('sluice.router.breaker', { description: '0 closed, 1 half-open, 2 open.' });
  const healthy = meter.createObservableGauge('sluice.router.healthy', { description: '1 when a deployment takes calls.' });
  const collected = meter.createObservableGauge('sluice.router.whole_answer_bytes', { unit: 'By', description: 'Bytes of answers that are not streamed and are being collected.' });
  const server = serverInstruments(meter);
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    for (const [kind, { heldBytes }] of Object.entries(rooms)) result.observe(collected, heldBytes, { 'sluice.answer.kind': kind });
    for (const member of fleet.list()) {
      if (member.isRetired) continue;
      const labels = { 'sluice.deployment.id': member.deployment.id, 'gen_ai.request.model': member.deployment.upstreamModel };
      result.observe(inFlight, member.inFlight, labels);
      result.observe(breaker, BREAKER_VALUES[member.breaker.state], labels);
      result.observe(healthy, member.isHealthy ? 1 : 0, labels);
      const counted = member.backend.statistics?.();
      if (counted) server.observe(counted, (instrument, value, more) => result.observe(instrument, value, { ...labels, ...more }));
    }
  };
  const observed = [inFlight, breaker, healthy, collected, ...server.instruments];
  meter.addBatchObservableCallback(observe, observed);
  return () => meter.removeBatchObservableCallback(observe, observed);
}

/** What KServe v2 servers count themselves, since they loaded the model: a reload lets these begin anew, which readers of counters expect. */
function serverInstruments(meter: Instruments) {
  const counter = (name: string, description: string, unit?: string) => meter.createObservableCounter(`sluice.backend.${name}`, { description, ...(unit !== undefined && { unit }) });
  const inferences = counter('inferences', 'Requests that the server executed.');
  const executions = counter('executions', 'Executions; fewer than inferences where requests were batched.');
  const failures = counter('failures', 'Requests that failed at the server.');
  const queueTime = counter('queue_time', "Time that requests spent in the server's queue.", 's');
  const batches = counter('batches', 'Executions by how many requests each took.');
  return {
    instruments: [inferences, executions, failures, queueTime, batches],
    observe(counted: BackendStatistics, tell: (instrument: ObservableCounter, value: number, more: Attributes) => void): void {
      tell(inferences, counted.inferences, {});
      tell(executions, counted.executions, {});
      tell(failures, counted.failures, {});
      tell(queueTime, counted.queueSeconds, {});
      for (const [size, count] of counted.batches) tell(batches, count, { 'sluice.batch.size': size });
    },
  };
}
