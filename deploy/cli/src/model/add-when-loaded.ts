import { CommandFailed } from '../exit-code.ts';
import { model, type Model } from '../platform-api/answers.ts';
import { NoAnswer, Refusal, type HttpApi } from '../platform-api/http-api.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { printableLine } from '../terminal/printable.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { WaitingLine } from '../terminal/waiting-line.ts';

/** What the platform names when the server is there and the model is not yet. */
const STILL_LOADING = 'kserve.upstream_model';

export interface Wanted {
  /** `host:port` of the server. */
  readonly address: string;
  /** The model's name there. */
  readonly upstreamModel: string;
  readonly waitMs: number;
}

/** Adds a model that its server loads first: asks until it is added or refused, or the time is over. The platform itself waits a few seconds for each answer. */
export async function addWhenLoaded(api: HttpApi, body: object, wanted: Wanted): Promise<Model> {
  const [what, where] = [printableLine(wanted.upstreamModel), printableLine(wanted.address)];
  const over = AbortSignal.timeout(wanted.waitMs);
  let given: AbortSignal | undefined;
  using _line = new WaitingLine(`${where} loads ${what}`);
  try {
    return await interruptible(async (signal) => ask(api, body, AbortSignal.any([(given = signal), over])));
  } catch (error) {
    if (!given?.aborted && !over.aborted) throw error;
    const why = given?.aborted ? 'cancelled' : `${where} did not have ${what} loaded within ${wanted.waitMs / 1000} s.`;
    throw new CommandFailed(asTyped(`${why}\nThe server goes on loading it. It becomes a model of the platform when this command is run again; see whether it is one already: sluice model list`));
  }
}

async function ask(api: HttpApi, body: object, signal: AbortSignal): Promise<Model> {
  for (;;) {
    try {
      return await api.send('POST', '/models', model, body, signal);
    } catch (error) {
      if (!isStillLoading(error) || signal.aborted) throw error;
    }
  }
}

function isStillLoading(error: unknown): boolean {
  return error instanceof NoAnswer && !(error instanceof Refusal) && error.param === STILL_LOADING;
}
