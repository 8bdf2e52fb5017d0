import type { ServiceError } from '@sluice/errors';
import { costNano, overrunNano } from '@sluice/pricing';
import type { Hold, Price } from '@sluice/proto/billing/v1/billing';
import type { FilterVerdict, Outcome } from '@sluice/proto/events/v1/calls';
import { chainOutput, commitmentHash, encodeCall, governedView, type PendingRecord } from '@sluice/segment';
import { plainCall, type Call, type Events, type Principal } from './call.ts';
import { OutputTally } from './output-tally.ts';
import { commitToFields } from './leaf.ts';
import { Originals } from './originals.ts';
import type { RandomBytes } from './ports.ts';
import { recordedError, type RecordedError } from './told-error.ts';

/** The numbers of `events.v1.Outcome`; the domain does not load generated code. */
export const OUTCOME = { answered: 1, disconnected: 2, failed: 3 } as const;

/** A client that left: nginx's 499, never sent. */
const CLIENT_LEFT_STATUS = 499;

const SALT_BYTES = 32;
const CHAIN_BYTES = 32;
const NOTHING: Events = [];

/** An open call. */
export interface CallFacts {
  readonly callId: string;
  readonly principal: Principal;
  /** What the client asked. */
  readonly asked: Call;
  /** What the model gets. */
  readonly call: Call;
  readonly admittedAtMs: number;
  readonly governed: Governed;
}

/** What money and content have to do with a call. The hold and the verdict on its output change while it runs. */
export interface Governed {
  /** Name of the model in the registry. */
  readonly modelName: string;
  readonly money: { readonly hold: Hold; readonly price: Price; readonly askedTokens: bigint };
  /** Undefined when there is no rule. */
  readonly inputVerdict: FilterVerdict | undefined;
  /** Undefined when no rule looks at the output. */
  readonly output: { readonly verdict: FilterVerdict } | undefined;
}

/** How a call ended, as the client saw it. */
export interface CallEnd {
  readonly outcome: Outcome;
  /** What the client was told; undefined when the call was answered, or there was nobody to tell. */
  readonly error: ServiceError | undefined;
  readonly httpStatus: number;
  readonly completedAtMs: number;
  readonly durationMs: number;
  readonly firstOutputMs: number;
}

/** What a client that left has on record as its status: behind output it had got its 200. */
export function leftStatus(releasedOutput: boolean): number {
  return releasedOutput ? 200 : CLIENT_LEFT_STATUS;
}

/** Makes the records of one call: admitted, any number of outputs, completed; each built when a segment takes it. */
export class CallRecords {
  readonly #facts: CallFacts;
  readonly #randomBytes: RandomBytes;
  readonly #promptSalt: Uint8Array;
  readonly #promptCommitment: Uint8Array;
  /** Undefined for a project that does not keep them. */
  readonly #originals: Originals | undefined;
  readonly tally: OutputTally;
  #chain: Uint8Array;
  /** The hold that was recorded last. */
  #recordedHold: Hold | undefined;
  #end: CallEnd | undefined;
  #taken = 0;
  #ended = false;

  constructor(facts: CallFacts, randomBytes: RandomBytes) {
    this.#facts = facts;
    this.#randomBytes = randomBytes;
    this.#promptSalt = randomBytes(SALT_BYTES);
    this.#promptCommitment = commitmentHash(this.#promptSalt, encodeCall(plainCall(facts.call)));
    this.#chain = randomBytes(CHAIN_BYTES);
    if (facts.principal.keepsOriginals) this.#originals = new Originals(facts.asked, facts.call, facts.governed.output !== undefined, randomBytes);
    this.tally = new OutputTally(() => facts.governed.money.askedTokens);
  }

  get projectId(): string {
    return this.#facts.principal.projectId;
  }

  /** Records handed out so far. */
  get taken(): number {
    return this.#taken;
  }

  /** True when the end has been handed out. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The end of the call, as it is recorded or will be. */
  get recordedEnd(): CallEnd | undefined {
    return this.#end;
  }

  end(end: CallEnd): void {
    this.#end ??= end;
  }

  /** The client left: an end that has not been handed out is that of a client that left, and nobody is told an error. */
  clientLeft(releasedOutput: boolean): void {
    if (this.#end && !this.#ended) this.#end = { ...this.#end, outcome: OUTCOME.disconnected, error: undefined, httpStatus: leftStatus(releasedOutput) };
  }

  /** What there is to record now, with this output and the originals that were given since. */
  take(events: Events, originals: Events = NOTHING): PendingRecord[] {
    const records: PendingRecord[] = [];
    if (this.#taken === 0) records.push(this.#admitted());
    this.tally.add(events);
    const output = events.filter(({ event }) => event.case !== 'counts');
    if (output.length > 0 || originals.length > 0) records.push(this.#output(output, originals));
    if (this.#end && !this.#ended) {
      records.push(this.#completed(this.#end));
      this.#ended = true;
    }
    this.#taken += records.length;
    return records;
  }

  #admitted(): PendingRecord {
    const { callId, principal, call, admittedAtMs, governed } = this.#facts;
    this.#recordedHold = governed.money.hold;
    const record = {
      case: 'admitted' as const,
      value: {
        organisationId: principal.organisationId,
        projectId: principal.projectId,
        keyId: principal.keyId,
        model: call.model,
        stream: call.stream,
        admittedAtMs: BigInt(admittedAtMs),
        promptCommitment: this.#promptCommitment,
        outputChain: this.#chain,
        ...admittedFacts(call, governed),
      },
    };
    if (!principal.keepsBodies) return { callId, record };
    return { callId, record, body: { case: 'admitted', value: { call: plainCall(call), promptSalt: this.#promptSalt, ...this.#originals?.admitted } } };
  }

  #output(events: Events[number][], originals: Events): PendingRecord {
    const { callId, principal, governed: { money: { hold } } } = this.#facts;
    const { chain, body } = chainOutput(this.#chain, { events });
    this.#chain = chain;
    const extended = hold === this.#recordedHold ? {} : { hold };
    this.#recordedHold = hold;
    const record = {
      case: 'output' as const,
      value: { outputBytes: BigInt(this.tally.bytes), events: BigInt(this.tally.events), outputChain: this.#chain, counts: this.tally.counts(), ...extended },
    };
    if (!principal.keepsBodies) return { callId, record };
    return { callId, record, body: this.#originals ? this.#originals.add(body, originals) : body };
  }

  #completed(end: CallEnd): PendingRecord {
    const { callId, principal } = this.#facts;
    const error = recordedError(end.error, principal.keepsBodies, this.#randomBytes);
    const governed = this.#governedEnd();
    const { leaf, openings } = commitToFields(this.#leafFields(end, error, governed), this.#randomBytes);
    const value = {
      outcome: end.outcome,
      errorCode: end.error?.code ?? '',
      httpStatus: end.httpStatus,
      outputBytes: BigInt(this.tally.bytes),
      outputChain: this.#chain,
      counts: this.tally.counts(),
      versionId: this.tally.versionId,
      deploymentId: this.tally.deploymentId,
      completedAtMs: BigInt(end.completedAtMs),
      firstOutputMs: end.firstOutputMs,
      durationMs: end.durationMs,
      finishReasons: this.tally.finishReasons(),
      leaf,
      ...governed,
    };
    // The salts are kept here also for a project that keeps digests only: without them a digest proves nothing.
    return { callId, record: { case: 'completed', value }, body: { case: 'completed', value: { openings, promptSalt: this.#promptSalt, ...error.body, ...this.#originals?.completed } } };
  }

  /** What the counts on record cost, how much of that no hold covers, and what the filter found in all that came out. */
  #governedEnd(): GovernedEnd {
    const { money: { hold, price }, output } = this.#facts.governed;
    const cost = costNano(price, this.tally.counts());
    return { hold, costNano: cost, overrunNano: overrunNano(cost, hold), stoppedBy: this.tally.stoppedBy, ...(output ? { outputVerdict: output.verdict } : {}) };
  }

  #leafFields(end: CallEnd, error: RecordedError, governed: GovernedEnd): Record<string, string | Uint8Array> {
    const { callId, principal, call, admittedAtMs } = this.#facts;
    const counts = this.tally.counts();
    return {
      call_id: callId,
      organisation_id: principal.organisationId,
      project_id: principal.projectId,
      key_id: principal.keyId,
      model: call.model,
      prompt: this.#promptCommitment,
      output: this.#chain,
      error: error.commitment,
      result: JSON.stringify([end.outcome, end.error?.code ?? '', end.httpStatus, this.tally.versionId, this.tally.deploymentId, admittedAtMs, end.completedAtMs, Number(counts.inputTokens), Number(counts.outputTokens), this.tally.bytes, governedView(admittedFacts(call, this.#facts.governed), governed)]),
      ...this.#originals?.fields,
    };
  }
}

interface GovernedEnd {
  readonly hold: Hold;
  readonly costNano: bigint;
  readonly overrunNano: bigint;
  readonly stoppedBy: string;
  readonly outputVerdict?: FilterVerdict;
}

function admittedFacts({ changes }: Call, { modelName, money, inputVerdict }: Governed) {
  return { modelName, hold: { hold: money.hold, price: money.price }, ...(inputVerdict ? { inputVerdict } : {}), ...(changes ? { parameters: [...changes] } : {}) };
}
