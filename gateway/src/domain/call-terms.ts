import { ServiceError } from '@sluice/errors';
import type { Call, Principal } from './call.ts';
import type { Governed } from './call-records.ts';
import { CallRefusal, factsOf, type RefusalFacts } from './call-refusal.ts';
import { FilteredOutput } from './filtered-output.ts';
import { GovernedOutput } from './governed-output.ts';
import { checkInput } from './input-check.ts';
import { tokenBound, type TokenBound } from './limits/token-bound.ts';
import type { ModelOutput } from './output-visibility.ts';
import type { FilterTalk, Place, SpendTalk } from './ports.ts';
import { Spending } from './spending.ts';

/** A call that its parameters and limits let in. */
export interface AskedCall {
  readonly callId: string;
  readonly principal: Principal;
  readonly call: Call;
  readonly bound: TokenBound;
  readonly modelName: string;
  /** The tokens of the prompt that a call becomes at this model; undefined when they are not known. */
  readonly countInput: (call: Call) => Promise<number | undefined>;
  /** Whether the model's output is seen while it is produced. */
  readonly output: ModelOutput;
  /** Told how much output there is so far; undefined where no limit counts it. */
  readonly used: ((outputTokens: number) => void) | undefined;
}

/** What content and money let a call be. */
export interface CallTerms extends Governed {
  /** What the model gets. */
  readonly call: Call;
  /** Where the money was set aside; the call is to be recorded there and nowhere else. */
  readonly place: Place;
  /** The way that output takes; undefined when nothing looks at it. */
  readonly passage: GovernedOutput | undefined;
}

/** Asks the filter, then billing. Throws what refuses the call, with what the record of that is to say. */
export async function agree(asked: AskedCall, filter: FilterTalk, money: SpendTalk, place: () => Promise<Place>): Promise<CallTerms> {
  const { call, verdict, filtersOutput } = await checkInput(filter, asked).catch(refuseWith({}));
  if (!filtersOutput) filter.end();
  try {
    const held = await place();
    const spending = await Spending.begin(money, { ...asked, call, bound: call === asked.call ? asked.bound : tokenBound(call) }, held);
    const output = filtersOutput ? new FilteredOutput(filter, verdict?.policyVersion ?? 0n) : undefined;
    const watched = spending.isWatched ? spending : undefined;
    const passage = watched || output || asked.used ? new GovernedOutput(spending.call, watched, output, asked.used) : undefined;
    return { call: spending.call, modelName: asked.modelName, money: spending, inputVerdict: verdict, output, place: held, passage };
  } catch (thrown) {
    return refuseWith({ inputVerdict: verdict, call })(thrown);
  }
}

/** Whatever is thrown here refuses the call, also when its client has left meanwhile: nothing of it is on record yet. */
function refuseWith(known: RefusalFacts): (thrown: unknown) => never {
  return (thrown) => {
    const error = ServiceError.from(thrown);
    throw new CallRefusal(error, { ...factsOf(error), ...known });
  };
}
