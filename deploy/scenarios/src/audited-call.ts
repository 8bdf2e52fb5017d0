import { admin, eventually, type House } from './house.ts';

/** What the admin API says of one call; see the gateway's page. */
export interface AuditedCall {
  readonly id: string;
  readonly status: 'running' | 'answered' | 'disconnected' | 'failed' | 'abandoned' | 'refused';
  readonly http_status: number | null;
  readonly error_code: string | null;
  readonly model: string;
  readonly key_id: string;
  readonly leaf_index: number | null;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number; readonly estimated: boolean } | null;
  readonly request: { readonly messages: readonly { readonly role: string; readonly content: unknown }[]; readonly [field: string]: unknown } | null;
  readonly choices: readonly {
    readonly index: number;
    readonly content: string | null;
    readonly refusal: string | null;
    readonly reasoning: string | null;
    readonly finish_reason: string | null;
    readonly tool_calls: readonly { readonly index: number; readonly name: string; readonly arguments: string }[];
  }[];
  /** Where the project keeps originals and there is one. */
  readonly original?: { readonly request: AuditedCall['request']; readonly output: Pick<AuditedCall, 'choices'> | null };
  readonly events: readonly { readonly type: string; readonly choice: number; readonly logprobs?: { readonly content?: readonly { readonly token: string; readonly logprob: number }[] } }[];
}

/** The audit's record of a call once it has ended. */
export function endedCall(house: House, id: string, limitMs = 60_000): Promise<AuditedCall> {
  return eventually(async () => {
    const { status, body } = await admin<AuditedCall>(house, 'GET', `/audit/calls/${id}`);
    return status === 200 && body.status !== 'running' && body.leaf_index !== null && body;
  }, limitMs);
}

/** Ids of calls with a status, newest first; one page. */
export async function callsWith(house: House, status: string): Promise<string[]> {
  const { body } = await admin<{ data: AuditedCall[] }>(house, 'GET', `/audit/calls?limit=100&status=${status}`);
  return body.data.map(({ id }) => id);
}
