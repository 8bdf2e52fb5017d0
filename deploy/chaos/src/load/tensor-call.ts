import { request } from 'undici';
import { codeOf, SILENCE_MS, type CallEnd, type CallTarget } from './call-end.ts';
import { ANSWERED, WRONG, type CallOutcome } from './load-messages.ts';

const EVERY = 20;
const AT = 7;

/** One call in twenty is for the model of tensors, at numbers that are neither long streams nor of the poor key. */
export const isTensorCall = (call: number): boolean => call % EVERY === AT;

/** Has the number of the call doubled by the model on Triton, by KServe v2 over HTTP. */
export async function tensorCall(target: CallTarget, call: number): Promise<CallEnd> {
  const sentMs = Date.now();
  const ended = (result: string): CallOutcome => ({ sentMs, heardMs: Date.now(), endedMs: Date.now(), result });
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'INT32', shape: [1], data: [call] }] });
  let id: string | undefined;
  try {
    const { statusCode: status, headers, body: answer } = await request(`${target.url}/v2/models/${target.model}/infer`, {
      method: 'POST', body, dispatcher: target.dispatcher, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${target.key}` },
    });
    id = headers['x-request-id'] as string | undefined;
    const text = await answer.text();
    return { outcome: ended(resultOf(status, text, call)), receipt: id === undefined ? undefined : { id, status, whole: status === 200 } };
  } catch (error) {
    return { outcome: ended(`tensors: no answer: ${codeOf(error)}`), receipt: id === undefined ? undefined : { id, status: 200, whole: false } };
  }
}

function resultOf(status: number, text: string, call: number): string {
  // KServe's envelope has words alone; they name no content.
  if (status !== 200) return `tensors: ${status} ${/"error":"([^"]{0,100})/.exec(text)?.[1] ?? ''}`.trim();
  const { outputs } = JSON.parse(text) as { outputs?: readonly { readonly data?: readonly number[] }[] };
  return outputs?.[0]?.data?.[0] === 2 * call ? ANSWERED : WRONG;
}
