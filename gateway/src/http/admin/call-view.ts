import type { CallSummary } from '@sluice/proto/audit/v1/audit';
import { exact } from './amounts.ts';
import { text, time } from './view.ts';

/** Of the others nobody measured how long they took: they run, were never let in, or lost the process that answered them. */
const MEASURED: ReadonlySet<string> = new Set(['answered', 'disconnected', 'failed']);

/** What the index of calls says of one. */
export function callView(call: CallSummary): object {
  const { counts } = call;
  return {
    object: 'call',
    id: call.callId,
    organisation_id: call.organisationId,
    project_id: call.projectId,
    key_id: call.keyId,
    model: call.model,
    stream: call.stream,
    status: call.status,
    http_status: call.httpStatus === 0 ? null : call.httpStatus,
    error_code: text(call.errorCode),
    admitted_at: time(call.admittedAtMs),
    ended_at: time(call.endedAtMs),
    duration_ms: MEASURED.has(call.status) ? call.durationMs : null,
    // The first output is never at 0 ms: call records say at least 1.
    first_output_ms: call.firstOutputMs === 0 ? null : call.firstOutputMs,
    output_bytes: Number(call.outputBytes),
    usage: counts
      ? {
          input_tokens: Number(counts.inputTokens),
          output_tokens: Number(counts.outputTokens),
          cached_input_tokens: Number(counts.cachedInputTokens),
          reasoning_tokens: Number(counts.reasoningTokens),
          estimated: counts.estimated,
        }
      : null,
    cost_nano: exact(call.costNano - call.overrunNano),
    overrun_nano: exact(call.overrunNano),
    cut_by: text(call.cutBy),
    version_id: text(call.versionId),
    deployment_id: text(call.deploymentId),
    leaf_index: call.leafIndex === undefined ? null : Number(call.leafIndex),
  };
}
