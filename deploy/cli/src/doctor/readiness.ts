import { z } from 'zod';
import { reasonOf } from './finding.ts';

const ANSWER_LIMIT_MS = 5_000;
const state = z.looseObject({ status: z.string(), detail: z.string().optional() });
const readiness = state.extend({ checks: z.record(z.string(), state).default({}) });

/** What `/readyz` says: whether work may be sent there, and the state of each part. */
export type Readiness = z.infer<typeof readiness> & { readonly isReady: boolean };

/** Asks a platform, or one process of a mesh. Rejects when nobody answers, or another program. */
export async function askReadiness(url: string): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS), redirect: 'error' });
  return { ...readiness.parse(await response.json()), isReady: response.ok };
}

/** `degraded: its copy is 3 s old`. */
export function saidOf({ status, detail }: z.infer<typeof state>): string {
  return [status, ...(detail === undefined ? [] : [detail])].join(': ');
}

/** Why there was no answer, without what may be quoted in it. */
export function unreadReason(error: unknown): string {
  const said = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return said instanceof z.ZodError || said instanceof SyntaxError ? 'another program listens there' : reasonOf(said);
}
