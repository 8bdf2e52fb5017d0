import { isDeepStrictEqual } from 'node:util';
import type { RecordedCall } from '../platform-api/answers.ts';
import { differs, type Opened } from './call-evidence.ts';

/** Names of the outcomes as a leaf counts them (events.v1.Outcome). */
const STATUSES = ['', 'answered', 'disconnected', 'failed', 'abandoned'];

/** Holds the facts that `audit show` prints against those that the leaf of the call opened; throws LogFault at the first that differs. */
export function proveFacts(type: string, opened: Opened, shown: RecordedCall): void {
  const who = { call_id: shown.id, organisation_id: shown.organisation_id, project_id: shown.project_id, key_id: shown.key_id, model: shown.model };
  for (const [name, value] of Object.entries(who)) if (opened.has(name) && opened.get(name)!.toString() !== value) throw differs(name);
  const result = opened.get('result');
  if (result && !isDeepStrictEqual(JSON.parse(result.toString()), type === 'call.refused' ? refusal(shown, result) : completion(shown))) throw differs('result');
  const counts = opened.get('counts');
  if (counts && counts.toString() !== abandonedCounts(shown)) throw differs('token counts');
  if (counts && shown.status !== 'abandoned') throw differs('status');
}

/** As the gateway commits to the end of a call. */
function completion(shown: RecordedCall): unknown[] {
  const { usage } = shown;
  return [
    STATUSES.indexOf(shown.status), shown.error_code ?? '', shown.http_status ?? 0, shown.version_id ?? '', shown.deployment_id ?? '', moment(shown.admitted_at), moment(shown.ended_at),
    usage?.input_tokens ?? 0, usage?.output_tokens ?? 0, shown.output_bytes,
  ];
}

/** A refusal's parameter at fault is not shown, so it is taken as it was committed to. */
function refusal(shown: RecordedCall, result: Buffer): unknown[] {
  const [, , param] = JSON.parse(result.toString()) as unknown[];
  if (shown.status !== 'refused') throw differs('status');
  return [shown.error_code ?? '', shown.http_status ?? 0, param, moment(shown.ended_at)];
}

function abandonedCounts({ usage }: RecordedCall): string {
  return [usage?.input_tokens, usage?.output_tokens, usage?.cached_input_tokens, usage?.reasoning_tokens, usage?.estimated].join(',');
}

function moment(time: string | null): number {
  return time === null ? 0 : Date.parse(time);
}
