/** Others are busy on the machine of a test, so a measurement may come late through no fault of the house: half of them must not. */
const MEASUREMENTS = 5;

/** The median of five measurements, of each of their figures by itself. */
export async function medianOfFive<Name extends string>(measure: (measurement: number) => Promise<Record<Name, number>>): Promise<Record<Name, number>> {
  const taken: Record<Name, number>[] = [];
  for (let measurement = 0; measurement < MEASUREMENTS; measurement++) taken.push(await measure(measurement));
  const names = Object.keys(taken[0]!) as Name[];
  return Object.fromEntries(names.map((name) => [name, median(taken.map((figures) => figures[name]))])) as Record<Name, number>;
}

function median(figures: readonly number[]): number {
  return figures.toSorted((one, other) => one - other)[Math.floor(figures.length / 2)]!;
}
