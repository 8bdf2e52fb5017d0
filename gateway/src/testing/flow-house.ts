import { create } from '@bufbuild/protobuf';
import { ManualClock, type Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { ContentFilterService } from '@sluice/proto/content_filter/v1/content_filter';
import type { CallAdmitted, CallCompleted, CallOutput, CallRefused, CompletedBody, OutputBody } from '@sluice/proto/events/v1/calls';
import { OutputBodySchema } from '@sluice/proto/events/v1/calls';
import { fromBinary } from '@bufbuild/protobuf';
import { InProcessTransport } from '@sluice/rpc';
import type { PendingRecord, RecordSource } from '@sluice/segment';
import { silentLogger } from '@sluice/telemetry';
import { AnswerDeadlines } from '../adapters/answer-deadlines.ts';
import { BillingClient } from '../adapters/billing-client.ts';
import { FilterClient } from '../adapters/filter-client.ts';
import type { Call, Events, ParameterChange, Principal } from '../domain/call.ts';
import type { LimitState } from '../domain/limits/limit-state.ts';
import { messagesTokens, type PromptTokens } from '../domain/limits/token-bound.ts';
import type { CountedCall, RoutedCall } from '../domain/ports.ts';
import { RequestFlow, type CallSummary } from '../domain/request-flow.ts';
import type { EventInit } from './house.ts';
import { ScriptedBilling } from './scripted-billing.ts';
import { ScriptedFilter } from './scripted-filter.ts';

export const PRINCIPAL = { keyId: 'key_1', organisationId: 'org_1', projectId: 'project_1', models: [], keepsBodies: true };

/** Records of a call by their kind. */
export interface Recorded {
  readonly admitted: CallAdmitted[];
  readonly output: CallOutput[];
  readonly completed: CallCompleted[];
  readonly refused: CallRefused[];
}

/** The flow of requests with the real clients of filter and billing, both scripted, and a log that acknowledges at once. */
export class FlowHouse {
  readonly clock: ManualClock;
  /** Who calls. */
  principal: Principal = PRINCIPAL;
  readonly filter = new ScriptedFilter();
  readonly billing = new ScriptedBilling();
  readonly flow: RequestFlow;
  readonly records: PendingRecord[] = [];
  readonly released: ChatEvent[] = [];
  readonly routed: RoutedCall[] = [];
  /** Calls whose prompts the router was to count. */
  readonly counted: CountedCall[] = [];
  count: (counted: CountedCall, signal: AbortSignal) => Promise<number | undefined> = () => Promise.resolve(undefined);
  leavesHouse = false;
  /** The model says each token as it comes. */
  showsOutput = true;
  /** Answers that the router was no longer asked for. */
  cancelled = 0;
  /** Room that was taken for whole answers, in bytes. */
  readonly held: number[] = [];
  /** Tokens that tickets were ended with. */
  readonly tickets: number[] = [];
  ticketsOut = 0;
  /** How far limits say they are used, and the tokens that they were told of while calls ran. */
  limitState: LimitState | undefined;
  readonly used: number[] = [];
  /** What rules on parameters make of a call. */
  rules: (call: Call) => Call = (call) => call;
  abort = new AbortController();
  epoch: bigint | undefined = 1n;
  loses: ServiceError | undefined;
  /** Runs before the next step that it names. */
  before: (step: string) => void = () => undefined;
  answer: (routed: RoutedCall, signal: AbortSignal) => AsyncIterable<EventInit[]> = async function* () {
    yield [started()];
    yield [text('Hello')];
    yield [over(), used(3n, 2n)];
  };

  constructor(clock: ManualClock = new ManualClock()) {
    this.clock = clock;
    this.flow = this.#flow(clock);
  }

  call(init: Partial<Call> = {}): Call {
    return { model: 'chat', messages: Buffer.from('[{"role":"user","content":"hi"}]'), fields: [], stream: true, choices: 1, ...init };
  }

  /** Runs a call as the route does: what refuses it goes on record. */
  async run(call: Call = this.call()): Promise<CallSummary | ServiceError> {
    let changes: readonly ParameterChange[] | undefined;
    const changed = (made: readonly ParameterChange[]): void => void (changes = made);
    const open = { callId: 'c'.repeat(32), principal: this.principal, call, messagesTokens: tokensOf(call), abort: this.abort, hold: (bytes: number): void => void this.held.push(bytes), changed, limited: () => this.before('limited') };
    try {
      return await this.flow.run(open, { release: (events: Events) => void this.released.push(...events), drained: () => undefined });
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      if (!this.loses) await this.flow.refuse(open.callId, this.principal, { ...call, changes }, error);
      return error;
    }
  }

  recorded(): Recorded {
    const of = <T>(kind: string): T[] => this.records.filter(({ record }) => record.case === kind).map(({ record }) => record.value as T);
    return { admitted: of('admitted'), output: of('output'), completed: of('completed'), refused: of('refused') };
  }

  /** The sealed part of the record with which a call ended, or was refused. */
  ending(): CompletedBody {
    const { body } = this.records.at(-1)!;
    if (body?.case !== 'completed') throw new Error('The call has not ended.');
    return body.value as CompletedBody;
  }

  /** Text of a choice that is on record. */
  recordedText(choice = 0): string {
    return textOf(this.#recordedEvents(), choice);
  }

  /** Kinds of the output events that are on record. */
  recordedKinds(): (string | undefined)[] {
    return this.#recordedEvents().map(({ event }) => event.case);
  }

  releasedText(choice = 0): string {
    return textOf(this.released, choice);
  }

  finished(): { reason: string; stoppedBy: string }[] {
    return this.released.flatMap(({ event }) => (event.case === 'finished' ? [{ reason: event.value.reason, stoppedBy: event.value.stoppedBy }] : []));
  }

  #recordedEvents(): ChatEvent[] {
    const bodies = this.records.flatMap(({ body }) => (body?.case === 'encodedOutput' ? [fromBinary(OutputBodySchema, body.bytes)] : []));
    return bodies.flatMap(({ events }: OutputBody) => events);
  }

  #flow(clock: Clock): RequestFlow {
    const transport = new InProcessTransport({ freezeStreams: true, clock });
    transport.serve(ContentFilterService, this.filter.service);
    transport.serve(BillingService, this.billing.service);
    const deadlines = new AnswerDeadlines(clock);
    const billing = new BillingClient(transport.connect(BillingService), deadlines, silentLogger);
    const place = (): { producer: string; epoch: bigint } | undefined => (this.epoch === undefined ? undefined : { producer: 'gateway-1', epoch: this.epoch });
    return new RequestFlow({
      router: {
        stream: (routed, signal) => this.#stream(routed, signal),
        countInput: (counted, signal) => {
          this.counted.push(counted);
          return this.count(counted, signal);
        },
      },
      segments: {
        accepting: () => undefined, open: () => undefined, close: () => undefined, placed: () => Promise.resolve(),
        get place() {
          return place();
        },
        enqueue: (source) => queueMicrotask(() => this.#write(source)),
      },
      models: { resolve: () => ({ state: 'usable', modelId: 'model_1', modelName: 'org/small', leavesHouse: this.leavesHouse, showsOutput: this.showsOutput, servedBy: 'd1' }), list: () => [] },
      parameters: { apply: (_principal, call) => this.rules(call) },
      limits: {
        admit: () => {
          this.ticketsOut++;
          return { state: this.limitState, used: (tokens) => void this.used.push(tokens), end: (tokens) => void this.tickets.push(tokens) };
        },
      },
      filter: new FilterClient(transport.connect(ContentFilterService), deadlines),
      billing: {
        begin: () => {
          this.before('billing');
          return billing.begin();
        },
      },
      randomBytes: (length) => Buffer.alloc(length, 1),
      clock,
      callLimitMs: 600_000,
    });
  }

  async *#stream(routed: RoutedCall, signal: AbortSignal): AsyncGenerator<ChatEvent[]> {
    this.routed.push(routed);
    this.before('router');
    let isOver = false;
    try {
      for await (const batch of this.answer(routed, signal)) {
        signal.throwIfAborted();
        yield batch.map((init) => create(ChatEventSchema, init));
        this.before('batch');
      }
      isOver = true;
    } catch (thrown) {
      isOver = true;
      throw thrown;
    } finally {
      if (!isOver) this.cancelled++;
    }
  }

  #write(source: RecordSource): void {
    if (this.loses) return source.lost(this.loses);
    this.records.push(...source.take());
    source.acknowledged();
  }
}

export function text(value: string, choice = 0): EventInit {
  return { event: { case: 'delta', value: { text: value, choice, channel: 1 } } };
}

export function started(): EventInit {
  return { event: { case: 'started', value: { versionId: 'version_1', deploymentId: 'deployment_1' } } };
}

export function over(reason = 'stop', choice = 0): EventInit {
  return { event: { case: 'finished', value: { choice, reason } } };
}

export function used(inputTokens: bigint, outputTokens: bigint): EventInit {
  return { event: { case: 'usage', value: { inputTokens, outputTokens } } };
}

/** A usage that the backend did not report. */
export function estimated(inputTokens: bigint, outputTokens: bigint): EventInit {
  return { event: { case: 'usage', value: { inputTokens, outputTokens, estimated: true } } };
}

/** What the backend counted so far. */
export function counted(inputTokens: bigint, outputTokens: bigint): EventInit {
  return { event: { case: 'counts', value: { inputTokens, outputTokens } } };
}

function tokensOf({ messages }: Call): PromptTokens {
  return messagesTokens(JSON.parse(Buffer.from(messages).toString()) as unknown[]);
}

function textOf(events: readonly ChatEvent[], choice: number): string {
  return events.map(({ event }) => (event.case === 'delta' && event.value.choice === choice ? event.value.text : '')).join('');
}
