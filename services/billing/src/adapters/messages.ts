import { ServiceError } from '@sluice/errors';
import { Level } from '@sluice/proto/access/v1/access';
import type { BudgetRefusal, Hold as HoldMessage, Price as PriceMessage } from '@sluice/proto/billing/v1/billing';
import { believedCounts, type TokenCounts } from '@sluice/pricing';
import type { BudgetLevel } from '../domain/budget.ts';
import type { HoldTerms, Refusal } from '../domain/hold.ts';
import { NO_COUNTS, told, type Price } from '../domain/money.ts';

const LEVEL_NUMBERS: Readonly<Record<BudgetLevel, Level>> = { organisation: Level.ORGANISATION, project: Level.PROJECT, key: Level.KEY };
const LEVEL_NAMES: Readonly<Partial<Record<Level, BudgetLevel>>> = { [Level.ORGANISATION]: 'organisation', [Level.PROJECT]: 'project', [Level.KEY]: 'key' };

export function levelNumber(level: string): Level {
  return LEVEL_NUMBERS[level as BudgetLevel] ?? Level.UNSPECIFIED;
}

/** Errors: `invalid_value`. */
export function levelName(level: Level): BudgetLevel {
  const name = LEVEL_NAMES[level];
  if (!name) throw new ServiceError('invalid_value', '`level` must be the organisation, a project or a key.', { param: 'level' });
  return name;
}

// Streamed messages are handed over by reference and built for every call, so they are written out with their type.

export function priceMessage({ id, model, currency, inputNano, cachedInputNano, outputNano, reasoningNano, validFromMs }: Price): PriceMessage {
  return { $typeName: 'billing.v1.Price', id, model, currency, inputNano, cachedInputNano, outputNano, reasoningNano, validFromMs: BigInt(validFromMs) };
}

export function holdMessage({ amountNano, limited, outputTokens }: HoldTerms): HoldMessage {
  return { $typeName: 'billing.v1.Hold', amountNano, limited, outputTokens };
}

export function refusalMessage({ subject, cap, spentNano, settlingNano, heldNano, fitsWithoutHolds }: Refusal): BudgetRefusal {
  return {
    $typeName: 'billing.v1.BudgetRefusal', level: levelNumber(subject.level), subjectId: subject.id, period: cap.period,
    amountNano: cap.amountNano, spentNano: told(spentNano + settlingNano), heldNano: told(heldNano), fitsWithoutHolds,
  };
}

export function countsOf(counts: TokenCounts | undefined): TokenCounts {
  return believedCounts(counts ?? NO_COUNTS);
}
