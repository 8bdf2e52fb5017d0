import { ManualClock } from '@sluice/clock';
import type { Code } from '@sluice/errors';
import type { ChatCall, ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Deployment } from '../domain/deployment.ts';
import { Fleet } from '../domain/fleet.ts';
import type { CallLimits } from '../domain/limits.ts';
import type { AttemptMeter } from '../domain/ports.ts';
import { routeCall } from '../domain/route-call.ts';
import { chatCall, deployment, ScriptedBackend, settled } from './scripted-backend.ts';

export const LIMITS: CallLimits = { firstTokenMs: 100, wholeAnswerMs: 200, idleMs: 50 };
export const never = new AbortController().signal;
/** A call whose answer is not streamed. */
export const whole = { call: chatCall('m', false) };

interface Given {
  readonly modelId?: string;
  readonly insideOnly?: boolean;
  readonly call?: ChatCall;
  readonly version?: string;
  readonly limits?: CallLimits;
}

/** Calls of the organisation `org_1` for its model `model_1`, routed over scripted backends on a manual clock. */
export class RoutedCalls {
  readonly clock = new ManualClock();
  readonly backends = new Map<string, ScriptedBackend>();
  readonly known = new Set(['model_1']);
  rereads = 0;
  /** What the meter heard of each attempt, in the order of their ends. */
  readonly ends: { deploymentId: string; code: Code | undefined; tokens: bigint | undefined }[] = [];
  /** Attempts that failed by their deployment's own doing. */
  readonly failed: string[] = [];
  readonly registry = {
    knows: (organisationId: string, modelId: string) => organisationId === 'org_1' && this.known.has(modelId),
    reread: async () => void this.rereads++,
  };
  readonly fleet = new Fleet({
    clock: this.clock,
    // The first in the list, so that a test knows which deployment comes first.
    random: () => 0,
    inFlightPerDeployment: 2,
    open: ({ id }) => {
      const backend = new ScriptedBackend();
      this.backends.set(id, backend);
      return backend;
    },
    onFault: (_, error) => {
      throw error;
    },
  });
  readonly #meter = {
    attempt: ({ id }: Deployment): AttemptMeter => ({
      run: (work) => work(),
      firstToken: () => undefined,
      end: ({ usage, error }) => void this.ends.push({ deploymentId: id, code: error?.code, tokens: usage?.outputTokens }),
    }),
  };

  /** Makes these all that is deployed, and lets their first checks pass. */
  async deploy(...deployed: (string | Deployment)[]): Promise<void> {
    this.fleet.reconcile(deployed.map((each) => (typeof each === 'string' ? deployment(each) : each)));
    await settled();
  }

  backend(id: string): ScriptedBackend {
    return this.backends.get(id)!;
  }

  route(signal = never, { limits = LIMITS, ...given }: Given = {}): AsyncGenerator<ChatEvent[]> {
    const { registry, fleet, clock } = this;
    const onFailedAttempt = ({ id }: Deployment, { code }: { code: Code }): void => void this.failed.push(`${id} ${code}`);
    return routeCall({ callId: 'c', organisationId: 'org_1', modelId: 'model_1', insideOnly: false, call: chatCall('m'), ...given }, signal, { registry, fleet, clock, meter: this.#meter, limits, onFailedAttempt });
  }

  /** The text of an answer. */
  async ask(signal = never, given: Given = {}): Promise<string> {
    let answer = '';
    for await (const events of this.route(signal, given)) for (const { event } of events) if (event.case === 'delta') answer += event.value.text;
    return answer;
  }
}
