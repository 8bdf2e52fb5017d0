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
  if (result && !isDeepStrictEqual(JSON.parse(result.toString()), type === 'call.refused' ? refusal(shown, result) : completion(shown, result))) throw differs('result');
  const counts = opened.get('counts');
  if (counts && counts.toString() !== abandonedCounts(shown)) throw differs('token counts');
  if (counts && shown.status !== 'abandoned') throw differs('status');
}

/** Figures of a result before what money and content did to a call; older records end there. */
const FIGURES = 10;
const REFUSAL_FACTS = 4;

/** As the gateway commits to the end of a call. What is shown of money and content must be committed to. */
function completion(shown: RecordedCall, result: Buffer): unknown[] {
  const { usage } = shown;
  const isOld = committed(result).length <= FIGURES && !shown.governed;
  if (shown.governed && shown.cost_nano !== undefined && shown.cost_nano !== shown.governed.cost_nano) throw differs('cost');
  if (shown.governed && shown.overrun_nano !== undefined && shown.overrun_nano !== shown.governed.overrun_nano) throw differs('overrun');
  if (!isCutAsShown(shown)) throw differs('cut of the answer');
  return [
    STATUSES.indexOf(shown.status), shown.error_code ?? '', shown.http_status ?? 0, shown.version_id ?? '', shown.deployment_id ?? '', moment(shown.admitted_at), moment(shown.ended_at),
    usage?.input_tokens ?? 0, usage?.output_tokens ?? 0, shown.output_bytes,
    ...(isOld ? [] : [plain(shown.governed && withOverrun(shown.governed))]),
  ];
}

/** The cost that is committed to is the whole one; what is shown as the cost is what is billed of it. */
function withOverrun(governed: NonNullable<RecordedCall['governed']>): object {
  const { cost_nano: cost, overrun_nano: overrun } = governed;
  if (!/^\d+$/.test(cost) || !/^\d+$/.test(overrun)) throw differs('cost');
  return { ...governed, cost_nano: String(BigInt(cost) + BigInt(overrun)) };
}

/** Who cut an answer is committed to as what a budget stopped and what rules did; a call from before that was indexed shows nobody. */
function isCutAsShown({ cut_by: by, governed }: RecordedCall): boolean {
  if (by === 'rule') return governed?.output?.action === 'block';
  return by === 'budget' ? governed?.stopped_by === 'budget' : true;
}

/** A refusal's parameter at fault is not shown, so it is taken as it was committed to. */
function refusal(shown: RecordedCall, result: Buffer): unknown[] {
  const [, , param] = committed(result);
  const isOld = committed(result).length <= REFUSAL_FACTS && !shown.refused;
  if (shown.status !== 'refused') throw differs('status');
  return [shown.error_code ?? '', shown.http_status ?? 0, param, moment(shown.ended_at), ...(isOld ? [] : [plain(shown.refused ?? NOT_REFUSED_BY_ANY)])];
}

/** As a gateway commits to a refusal that is the work of no limit, budget or rule; nothing is shown of it. */
const NOT_REFUSED_BY_ANY = { by: null, input: null };

function committed(result: Buffer): unknown[] {
  return JSON.parse(result.toString()) as unknown[];
}

/** As JSON holds it. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

function abandonedCounts({ usage }: RecordedCall): string {
  return [usage?.input_tokens, usage?.output_tokens, usage?.cached_input_tokens, usage?.reasoning_tokens, usage?.estimated].join(',');
}

function moment(time: string | null): number {
  return time === null ? 0 : Date.parse(time);
}
