import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { ChatCall, ChatEvent, Usage } from '@sluice/proto/chat/v1/chat';
import { AttemptWatch, type AttemptLimits } from './attempt-watch.ts';
import type { Deployment } from './deployment.ts';
import type { Fleet } from './fleet.ts';
import { ATTEMPTS_LIMIT, RETRY_GRACE_MS, type CallLimits } from './limits.ts';
import type { BackendCall } from './backend.ts';
import type { Member } from './member.ts';
import type { AttemptMeter, Meter, Registry } from './ports.ts';
import { servesTensors, type Serves } from './serves-tensors.ts';
import { mayDoBetterElsewhere } from './verdict.ts';

export interface RoutedCall {
  readonly callId: string;
  readonly organisationId: string;
  readonly call: ChatCall;
  readonly modelId: string;
  /** The prompt may not leave the house yet. */
  readonly insideOnly: boolean;
  /** Of a call with tensors: which version is to answer, by its number; empty: any. */
  readonly version?: string | undefined;
  /** Likewise: outputs that the client wants as JSON. */
  readonly jsonOutputs?: BackendCall['jsonOutputs'];
}

export interface RouteOptions {
  readonly registry: Registry;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly limits: CallLimits;
  /** Told of every attempt that failed by the deployment's own doing. */
  readonly onFailedAttempt: (deployment: Deployment, error: ServiceError) => void;
}

/**
 * Answers a call on the least loaded deployment of its model. Until the first event a failure moves the call to another
 * deployment; from then on it is the client's to know. Which deployments outside were asked, and which failed before they
 * answered, comes as events of its own.
 */
export async function* routeCall(routed: RoutedCall, signal: AbortSignal, options: RouteOptions): AsyncGenerator<ChatEvent[]> {
  const { clock, fleet } = options;
  const { modelId, insideOnly } = routed;
  await requireModel(routed, options.registry);
  const serves = isOfTensors(routed.call) ? servesTensors(fleet, modelId, routed.version ?? '') : undefined;
  const limits = limitsOf(routed.call, options.limits);
  const retryUntilMs = clock.monotonicMs() + limits.firstEventMs + RETRY_GRACE_MS;
  const tried = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    const member = fleet.choose(modelId, tried, insideOnly, serves)!;
    tried.add(member.deployment.id);
    const { deployment } = member;
    let hasBegun = false;
    try {
      for await (const events of runAttempt(member, routed, limits, signal, options)) {
        hasBegun ||= events[0]?.event.case !== 'attempt';
        yield events;
      }
      return;
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      if (!hasBegun) yield [attemptOf(deployment, error.code)];
      const mayRetry = !hasBegun && !signal.aborted && mayDoBetterElsewhere(error) && attempt < ATTEMPTS_LIMIT;
      if (!mayRetry || clock.monotonicMs() > retryUntilMs || !hasAnother(fleet, modelId, tried, insideOnly, serves)) throw error;
    }
  }
}

/** For the record: who was asked, and why it did not answer. */
function attemptOf({ versionId, id: deploymentId, placement }: Deployment, errorCode: string): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'attempt', value: { $typeName: 'chat.v1.Attempt', versionId, deploymentId, external: placement === 'external', errorCode } } };
}

/** The caller's copy of the registry may be ahead of this one: a model that is not known here is looked for once more. */
async function requireModel({ organisationId, modelId, call }: RoutedCall, registry: Registry): Promise<void> {
  if (registry.knows(organisationId, modelId)) return;
  await registry.reread();
  if (registry.knows(organisationId, modelId)) return;
  throw new ServiceError('model_not_found', `The model \`${call.model}\` does not exist or you do not have access to it.`, { param: 'model' });
}

function limitsOf(call: ChatCall, { firstTokenMs, wholeAnswerMs, idleMs }: CallLimits): AttemptLimits {
  return { firstEventMs: call.stream ? firstTokenMs : wholeAnswerMs, idleMs };
}

/** One deployment's answer, under its deadlines; tells the member and the meter how it ended. */
async function* runAttempt(member: Member, routed: RoutedCall, limits: AttemptLimits, signal: AbortSignal, options: RouteOptions): AsyncGenerator<ChatEvent[]> {
  const { deployment } = member;
  const { callId, call, jsonOutputs } = routed;
  using watch = new AttemptWatch(options.clock, signal, limits);
  let usage: Usage | undefined;
  let isFirst = true;
  let error: ServiceError | undefined;
  let isOver = false;
  let asked: { readonly meter: AttemptMeter; readonly answers: AsyncIterator<ChatEvent[]> } | undefined;
  // Before anything is waited for: whoever chooses next has to see that a trial runs, or that it is full.
  const attempt = member.begin();
  try {
    // Ahead of the prompt: the caller pulls on when it is on record, so that it is known whatever becomes of the call.
    if (deployment.placement === 'external') yield [attemptOf(deployment, '')];
    const { versionId, id: deploymentId, upstreamModel } = deployment;
    const meter = options.meter.attempt(deployment);
    const asking = { callId, call, versionId, deploymentId, upstreamModel, jsonOutputs };
    const answers = meter.run(() => answersOf(member, asking, watch.signal)[Symbol.asyncIterator]());
    asked = { meter, answers };
    for (;;) {
      watch.waiting();
      const next = await (isFirst ? meter.run(() => answers.next()) : answers.next());
      if (next.done) break;
      const [first] = next.value;
      if (first?.event.case === 'attempt') {
        // The backend is asked once more, in another way: for the record that is a further attempt.
        yield [attemptOf(deployment, first.event.value.errorCode)];
        if (deployment.placement === 'external') yield [attemptOf(deployment, '')];
        continue;
      }
      watch.arrived();
      if (isFirst) {
        isFirst = false;
        member.answering(attempt);
        meter.firstToken();
      }
      const last = next.value.at(-1)?.event;
      if (last?.case === 'usage') usage = last.value;
      yield next.value;
    }
    isOver = true;
  } catch (thrown) {
    isOver = true;
    error = ServiceError.from(thrown);
    throw error;
  } finally {
    await asked?.answers.return?.();
    // Made only when it is needed: the stack of an error costs more than the rest of a short call.
    if (!isOver) error = new ServiceError('cancelled', 'The caller left.');
    member.end(attempt, error);
    if (error && mayDoBetterElsewhere(error)) options.onFailedAttempt(deployment, error);
    asked?.meter.end({ usage, error });
  }
}

function isOfTensors({ tensors }: ChatCall): boolean {
  return tensors.length > 0;
}

/** Only who has `infer` was chosen for tensors. */
function answersOf({ backend }: Member, asked: BackendCall, signal: AbortSignal): AsyncIterable<ChatEvent[]> {
  return isOfTensors(asked.call) ? backend.infer!(asked, signal) : backend.chat(asked, signal);
}

/** Whether a further attempt has somewhere to go; if not, the last failure tells the client more than "unavailable". */
function hasAnother(fleet: Fleet, modelId: string, tried: ReadonlySet<string>, insideOnly: boolean, serves: Serves | undefined): boolean {
  try {
    return fleet.choose(modelId, tried, insideOnly, serves) !== undefined;
  } catch (thrown) {
    return ServiceError.from(thrown).code === 'admission_required';
  }
}
