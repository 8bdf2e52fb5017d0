/** Others are busy on the machine of a test, so a measurement may come late through no fault of the house: half of them must not. */
const MEASUREMENTS = 10;

/** The median of ten measurements, of each of their figures by itself. */
export async function medianOfTen<Name extends string>(measure: (measurement: number) => Promise<Record<Name, number>>): Promise<Record<Name, number>> {
  const taken: Record<Name, number>[] = [];
  for (let measurement = 0; measurement < MEASUREMENTS; measurement++) taken.push(await measure(measurement));
  const names = Object.keys(taken[0]!) as Name[];
  return Object.fromEntries(names.map((name) => [name, median(taken.map((figures) => figures[name]))])) as Record<Name, number>;
}

function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other);
  return (sorted[sorted.length / 2 - 1]! + sorted[sorted.length / 2]!) / 2;
}
