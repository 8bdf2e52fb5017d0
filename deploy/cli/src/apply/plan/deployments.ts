import { model as modelAnswer } from '../../platform-api/answers.ts';
import type { Path } from '../fault.ts';
import type { FileDeployment, FileModel } from '../platform-file.ts';
import type { Models } from '../platform-state.ts';
import { grpcAddress, serverAddress, type Sources } from '../sources.ts';
import { baseUrlFault } from './owners-checks.ts';
import { change, type Doing, type Plan } from './plan.ts';

type Known = Models['data'][number];
type KnownDeployment = Known['deployments'][number];

interface Place {
  readonly model: FileModel;
  /** The model as it is. */
  readonly now: Known | undefined;
  readonly path: Path;
  readonly sources: Sources;
}

/** Where a model is answered. What is not there yet is added beside what is: a deployment alone cannot be removed. */
export async function planDeployments(plan: Plan, place: Place): Promise<void> {
  const { model, now, path } = place;
  const active = now?.deployments.filter(({ state }) => state === 'active') ?? [];
  if (!now && !model.deployments?.length && !plan.isFaulty([...path, 'name'])) plan.fault([...path, 'name'], 'there is no such model yet: say where it is answered, with deployments');
  const met = new Set<string>();
  for (const [index, deployment] of (model.deployments ?? []).entries()) {
    const at = [...path, 'deployments', index];
    // Of one that makes no sense nothing else can be said.
    if (plan.isFaulty(at)) continue;
    const found = await planDeployment(plan, place, deployment, { at, active });
    if (found) met.add(found.id);
  }
  if (!plan.prunes || !model.deployments) return;
  for (const { target, upstream_model: upstream, id } of active.filter((one) => !met.has(one.id))) {
    plan.note(`The model ${model.name} is also answered by ${upstream} at ${target} (${id}), which is not in the file and stays: a deployment is removed with its model alone (sluice model remove).`);
  }
}

interface Among {
  readonly at: Path;
  readonly active: readonly KnownDeployment[];
}

async function planDeployment(plan: Plan, place: Place, wanted: FileDeployment, among: Among): Promise<KnownDeployment | undefined> {
  if (wanted.openai !== undefined) return planServer(plan, place, wanted, among);
  return wanted.kserve === undefined ? planWeights(plan, place, wanted, among) : planServed(plan, place, wanted, among);
}

function planServed(plan: Plan, { model }: Place, { kserve, upstream_model: upstream = model.name, external = false, load = false }: FileDeployment, { at, active }: Among): KnownDeployment | undefined {
  const address = grpcAddress(kserve!);
  if (address === undefined) return void plan.fault([...at, 'kserve'], 'must be host:port of the gRPC of a KServe v2 server, such as triton-1:8001');
  const found = active.find((one) => one.protocol === 'kserve' && one.target === address && one.upstream_model === upstream);
  const placement = external ? 'external' : 'inside';
  if (!found) {
    const details = [change('kserve', undefined, address), change('upstream_model', undefined, upstream), change('placement', undefined, placement), ...(load ? ['load: true'] : [])];
    plan.add('models', { sign: '+', what: `deployment of ${model.name}`, details, run: post({ name: model.name, kserve: { address, upstream_model: upstream, external, managed: load } }) });
    return undefined;
  }
  checkPlacement(plan, found, placement, at);
  if (found.managed !== load) plan.fault([...at, 'load'], `is ${found.managed ?? false} at the platform, which is not changed: remove the model first (sluice model remove)`);
  return found;
}

function checkPlacement(plan: Plan, found: KnownDeployment, placement: string, at: Path): void {
  if (found.placement !== placement) plan.fault([...at, 'external'], `the model is answered from there with the placement ${found.placement}, which is not changed: remove the model first (sluice model remove)`);
}

function planServer(plan: Plan, { model, sources }: Place, wanted: FileDeployment, { at, active }: Among): KnownDeployment | undefined {
  const address = serverAddress(wanted.openai!);
  if (address === undefined) return void plan.fault([...at, 'openai'], 'must be an http(s) address without a user name, a password, a query or a fragment, such as http://gpu-1:8000/v1');
  const refused = baseUrlFault(address);
  if (refused !== undefined) return void plan.fault([...at, 'openai'], refused);
  const upstream = wanted.upstream_model ?? model.name;
  const found = active.find((one) => one.protocol === 'openai' && one.target === address && one.upstream_model === upstream);
  const placement = wanted.external ? 'external' : 'inside';
  if (found) checkPlacement(plan, found, placement, at);
  const wantsKey = wanted.api_key_from !== undefined;
  if (found && (!wantsKey || found.has_credential)) return found;
  const secret = wantsKey ? sources.secret(wanted.api_key_from!) : undefined;
  if (secret && 'fault' in secret) return void plan.fault([...at, 'api_key_from'], secret.fault);
  const openai = { base_url: address, upstream_model: upstream, ...(wanted.external && { external: true }), ...(secret && { credential: secret.text }) };
  const details = found ? ['key for the server: none -> given'] : [change('openai', undefined, address), change('upstream_model', undefined, upstream), change('placement', undefined, placement), ...(secret ? ['key for the server: given'] : [])];
  plan.add('models', { sign: found ? '~' : '+', what: `deployment of ${model.name}`, details, run: post({ name: model.name, openai }) });
  return found;
}

async function planWeights(plan: Plan, { model, now, sources }: Place, wanted: FileDeployment, { at, active }: Among): Promise<KnownDeployment | undefined> {
  const digestOf = (one: KnownDeployment): string | undefined => now?.versions.find(({ id }) => id === one.version_id)?.digest;
  const among = (digest: string): KnownDeployment | undefined => active.find((one) => one.protocol === 'kserve' && one.target === 'local' && digestOf(one) === digest);
  const found = wanted.digest === undefined ? undefined : among(wanted.digest);
  if (found) return found;
  const weights = await sources.weights(wanted);
  if ('fault' in weights) return void plan.fault([...at, wanted.gguf === undefined ? 'digest' : 'gguf'], weights.fault);
  const same = among(weights.digest);
  if (same) return same;
  plan.add('models', {
    sign: '+', what: `deployment of ${model.name}`, details: [`weights: ${weights.digest}`],
    run: async (doing) => post({ name: model.name, gguf: await weights.place(doing.signal) })(doing),
  });
  return undefined;
}

function post(body: object): (doing: Doing) => Promise<unknown> {
  return async ({ api, signal }) => api.send('POST', '/models', modelAnswer, body, signal);
}
