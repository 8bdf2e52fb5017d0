import { metrics, type BatchObservableResult } from '@opentelemetry/api';
import type { CallSummary } from '../domain/request-flow.ts';
import { PlainCounter } from './plain-counter.ts';

/** What an operator sees of the front door. Labels have few values: routes, codes and statuses, never names from outside. */
export interface CallFigures {
  ended(stream: boolean, summary: CallSummary): void;
  refused(code: string): void;
  /** A refusal that could not be recorded. */
  unrecorded(code: string): void;
  authenticationFailed(code: string): void;
  /** Ends the gauges. */
  close(): void;
}

/** Names follow OpenTelemetry's conventions for generative AI where they have one. `open` is asked at collection. */
export function callFigures(open: { readonly size: number; readonly heldBytes: number }): CallFigures {
  const meter = metrics.getMeter('sluice.gateway');
  const calls = new PlainCounter(meter, 'sluice.gateway.calls', { unit: '{call}', description: 'Calls that ended, by error code (empty: answered)' });
  const refused = meter.createCounter('sluice.gateway.refused', { unit: '{call}', description: 'Calls that were refused, by code' });
  const unrecorded = meter.createCounter('sluice.gateway.unrecorded_refusals', { unit: '{call}', description: 'Refusals that the log did not take, by code' });
  const failures = meter.createCounter('sluice.gateway.authentication_failures', { unit: '{request}', description: 'Requests without a usable key, by code' });
  const duration = meter.createHistogram('gen_ai.server.request.duration', { unit: 's', description: 'From the call to its end' });
  const firstOutput = meter.createHistogram('gen_ai.server.time_to_first_token', { unit: 's', description: 'From a streamed call to the first output of the model' });
  const tokens = new PlainCounter(meter, 'sluice.gateway.tokens', { unit: '{token}', description: 'Tokens of calls that ended, by direction' });
  const openCalls = meter.createObservableGauge('sluice.gateway.open_calls', { unit: '{call}', description: 'Calls being answered' });
  const held = meter.createObservableGauge('sluice.gateway.held_bytes', { unit: 'By', description: 'Bytes of requests and whole answers that are held now' });
  const observe = (result: BatchObservableResult): void => {
    result.observe(openCalls, open.size);
    result.observe(held, open.heldBytes);
  };
  meter.addBatchObservableCallback(observe, [openCalls, held]);
  return {
    ended(stream, { error, durationMs, firstOutputMs, inputTokens, outputTokens }) {
      const code = error?.code ?? '';
      const labels = { stream, code };
      calls.add(1, `${stream} ${code}`, () => labels);
      duration.record(durationMs / 1000, labels);
      // Not streamed, the first output is the whole answer, whose time is the duration.
      if (stream && firstOutputMs > 0) firstOutput.record(firstOutputMs / 1000);
      tokens.add(inputTokens, 'input', () => ({ direction: 'input' }));
      tokens.add(outputTokens, 'output', () => ({ direction: 'output' }));
    },
    refused: (code) => refused.add(1, { code }),
    unrecorded: (code) => unrecorded.add(1, { code }),
    authenticationFailed: (code) => failures.add(1, { code }),
    close() {
      meter.removeBatchObservableCallback(observe, [openCalls, held]);
      calls.close();
      tokens.close();
    },
  };
}
