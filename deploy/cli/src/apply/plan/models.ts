import { alias as aliasAnswer, deleted, price as priceAnswer, removedModel } from '../../platform-api/answers.ts';
import type { Path } from '../fault.ts';
import type { FileModel, FilePrice } from '../platform-file.ts';
import type { PlatformState } from '../platform-state.ts';
import type { Sources } from '../sources.ts';
import { planDeployments } from './deployments.ts';
import { change, type Plan } from './plan.ts';

/** Models with where they are answered, their other names and their prices. */
export async function planModels(plan: Plan, state: PlatformState, wanted: readonly FileModel[] | undefined, sources: Sources): Promise<void> {
  const meant = new Set((wanted ?? []).flatMap(({ aliases }) => aliases ?? []));
  for (const [index, model] of (wanted ?? []).entries()) {
    const path = ['models', index];
    if (state.aliases.some(({ name }) => name === model.name)) plan.fault([...path, 'name'], 'the platform has an alias of this name; remove it first (sluice model alias NAME --remove)');
    await planDeployments(plan, { model, now: state.models.find(({ name }) => name === model.name), path, sources });
    planAliases(plan, state, model, { path, meant });
    planPrice(plan, state, model);
  }
  if (!plan.prunes || !wanted) return;
  for (const { name, aliases } of state.models.filter((known) => !wanted.some((model) => model.name === known.name))) {
    plan.add('remove models', {
      sign: '-', what: `model ${name}`, details: aliases.length > 0 ? [`with its aliases ${aliases.join(', ')}`] : [],
      run: async ({ api, signal }) => api.send('DELETE', `/models/${encodeURIComponent(name)}`, removedModel, undefined, signal),
    });
  }
}

/** Every name that means a model, here or at the platform, with the model that it means. */
export function modelNames(state: PlatformState, wanted: readonly FileModel[] | undefined): ReadonlyMap<string, string> {
  const there = [...state.models.map(({ name }) => [name, name] as const), ...state.aliases.map(({ name, model }) => [name, model] as const)];
  const here = (wanted ?? []).flatMap(({ name, aliases }) => [name, ...(aliases ?? [])].map((one) => [one, name] as const));
  return new Map([...there, ...here]);
}

function planAliases(plan: Plan, state: PlatformState, { name: model, aliases }: FileModel, { path, meant }: { readonly path: Path; readonly meant: ReadonlySet<string> }): void {
  for (const [index, name] of (aliases ?? []).entries()) {
    if (state.models.some((known) => known.name === name)) plan.fault([...path, 'aliases', index], 'the platform has a model of this name');
    const now = state.aliases.find((known) => known.name === name);
    if (now?.model === model) continue;
    plan.add('aliases', {
      sign: now ? '~' : '+', what: `alias ${name}`, details: [change('model', now?.model, model)],
      run: async ({ api, signal }) => api.send('PUT', `/aliases/${encodeURIComponent(name)}`, aliasAnswer, { model }, signal),
    });
  }
  const left = plan.prunes ? state.aliases.filter((known) => known.model === model && !meant.has(known.name)) : [];
  for (const { name } of left) {
    plan.add('remove aliases', {
      sign: '-', what: `alias ${name}`, details: [`model: ${model}`],
      run: async ({ api, signal }) => api.send('DELETE', `/aliases/${encodeURIComponent(name)}`, deleted, undefined, signal),
    });
  }
}

type Nano = readonly [name: 'input' | 'output' | 'cached_input' | 'reasoning', nano: string];

function planPrice(plan: Plan, state: PlatformState, { name, price }: FileModel): void {
  const row = state.prices.find(({ model }) => model === name);
  const now = row && new Map<string, string>(nanosOf({ input: row.input_nano, output: row.output_nano, cached_input: row.cached_input_nano, reasoning: row.reasoning_nano }));
  // None is the same as nothing to pay: a price is not removed, only made 0.
  const isRemoval = price === undefined;
  if (isRemoval && (!plan.prunes || !now || [...now.values()].every((nano) => nano === '0'))) return;
  const wanted = nanosOf(price ?? { input: '0', output: '0' });
  const details = wanted.filter(([part, nano]) => now?.get(part) !== nano).map(([part, nano]) => change(part, now?.get(part), nano));
  if (details.length === 0) return;
  const body = Object.fromEntries(wanted.map(([part, nano]) => [`${part}_nano`, nano]));
  plan.add(isRemoval ? 'remove prices' : 'prices', {
    sign: isRemoval ? '-' : now ? '~' : '+', what: `price of ${name}`, details,
    run: async ({ api, signal }) => api.send('PUT', `/prices/${encodeURIComponent(name)}`, priceAnswer, body, signal),
  });
}

function nanosOf({ input, output, cached_input: cachedInput, reasoning }: FilePrice): Nano[] {
  const all: Nano[] = [['input', input], ['output', output], ['cached_input', cachedInput ?? input], ['reasoning', reasoning ?? output]];
  return all.map(([name, nano]) => [name, BigInt(nano).toString()]);
}
