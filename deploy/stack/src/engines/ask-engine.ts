import { setTimeout as pause } from 'node:timers/promises';
import type { Engine } from './engine.ts';

/** A server that takes longer over one small question does not answer. */
const ANSWER_DEADLINE_MS = 3_000;
const POLL_MS = 100;

export type Answer = { readonly ok: true; readonly says: string } | { readonly ok: false; readonly why: string };

/** Asks once. Never rejects, and never takes longer than the deadline. */
export async function askEngine(engine: Engine): Promise<Answer> {
  const deadline = AbortSignal.timeout(ANSWER_DEADLINE_MS);
  const late = new Promise<Answer>((resolve) => deadline.addEventListener('abort', () => resolve({ ok: false, why: `no answer in ${ANSWER_DEADLINE_MS / 1000} s` }), { once: true }));
  const answer = engine.ask(deadline).then((says): Answer => ({ ok: true, says }), (error: unknown): Answer => ({ ok: false, why: error instanceof Error ? error.message || error.name : String(error) }));
  return Promise.race([answer, late]);
}

/** Asks until it answers, `endMs` (of `performance.now`) comes, or `goOn` says no. The last answer. */
export async function untilItAnswers(engine: Engine, endMs: number, goOn: () => boolean): Promise<Answer> {
  for (;;) {
    const answer = await askEngine(engine);
    if (answer.ok || !goOn() || performance.now() > endMs) return answer;
    await pause(POLL_MS);
  }
}
