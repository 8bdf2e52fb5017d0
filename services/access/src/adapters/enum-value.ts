import { ServiceError } from '@sluice/errors';

/** Undefined for "not given"; a number that no contract knows is refused, because it may mean less than we would assume. */
export function enumValue<T extends string>(numbers: Readonly<Record<T, number>>, number: number, param: string): T | undefined {
  if (number === 0) return undefined;
  const found = (Object.keys(numbers) as T[]).find((value) => numbers[value] === number);
  if (!found) throw new ServiceError('invalid_value', `\`${param}\` has an unknown value.`, { param });
  return found;
}
