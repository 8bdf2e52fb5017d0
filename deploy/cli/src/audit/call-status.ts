import type { Call } from '../platform-api/answers.ts';

const CUT_BY: Readonly<Record<string, string>> = { rule: 'cut by a rule', budget: 'cut by its budget' };

/** How a call ended, in words: its status, the code of its error, and who cut its answer. */
export function statusWords({ status, error_code: code, cut_by: by }: Pick<Call, 'status' | 'error_code' | 'cut_by'>): string[] {
  return [status, ...(code ? [code] : []), ...(by ? [CUT_BY[by] ?? `cut by ${by}`] : [])];
}
