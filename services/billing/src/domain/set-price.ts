import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { MAX_PRICE_NANO, type Price } from './money.ts';
import type { Administration } from './ports.ts';

/** Longest name of a model, in characters; the registry makes none that is longer. */
export const MAX_MODEL_CHARACTERS = 200;
/** What no name in the registry has: spaces and what forges lines in terminals. */
const UNSHOWABLE = /[\p{C}\p{Z}]/u;

/** A price as it is asked for, in nano-units a token. */
export interface PriceAsked {
  readonly model: string;
  readonly inputNano: bigint;
  /** Undefined: as input. */
  readonly cachedInputNano: bigint | undefined;
  readonly outputNano: bigint;
  /** Undefined: as output. */
  readonly reasoningNano: bigint | undefined;
}

/**
 * Makes a new version of a model's price, valid from now on; calls that run keep theirs. The model need not exist yet.
 * Errors: `missing_required_parameter`, `invalid_value`, `insufficient_permissions`.
 */
export async function setPrice({ acts, permissions, clock, ids, prices }: Administration, actor: Actor, asked: PriceAsked): Promise<Price> {
  const { organisationId } = actor;
  const model = checkModel(asked.model);
  const inputNano = checkNano(asked.inputNano, 'input_nano');
  const outputNano = checkNano(asked.outputNano, 'output_nano');
  const cachedInputNano = checkNano(asked.cachedInputNano ?? inputNano, 'cached_input_nano');
  const reasoningNano = checkNano(asked.reasoningNano ?? outputNano, 'reasoning_nano');
  await permissions.require(actor, 'billing.change');
  return acts.act(organisationId, async (state) => {
    const latest = await state.latestPrice(model);
    // Versions stay in order when the clock was set back.
    const validFromMs = Math.max(clock.wallMs(), (latest?.validFromMs ?? 0) + 1);
    const price: Price = { id: ids.next('price'), model, currency: prices.currencyOf(organisationId), inputNano, cachedInputNano, outputNano, reasoningNano, validFromMs };
    await state.addPrice(price);
    const detail = {
      model, currency: price.currency, input_nano: `${inputNano}`, cached_input_nano: `${cachedInputNano}`, output_nano: `${outputNano}`, reasoning_nano: `${reasoningNano}`,
    };
    await state.record({ actor, action: 'price.set', object: `price:${price.id}`, atMs: clock.wallMs(), detail }, (isDurable) => isDurable && prices.put(organisationId, price));
    return price;
  });
}

function checkModel(model: string): string {
  if (model === '') throw new ServiceError('missing_required_parameter', '`model` must not be empty.', { param: 'model' });
  if (model.length > MAX_MODEL_CHARACTERS || UNSHOWABLE.test(model)) {
    throw new ServiceError('invalid_value', `\`model\` must be a name without spaces, of at most ${MAX_MODEL_CHARACTERS} characters.`, { param: 'model' });
  }
  return model;
}

function checkNano(nano: bigint, param: string): bigint {
  if (nano < 0n || nano > MAX_PRICE_NANO) throw new ServiceError('invalid_value', `\`${param}\` must lie between 0 and ${MAX_PRICE_NANO} nano-units a token.`, { param });
  return nano;
}
