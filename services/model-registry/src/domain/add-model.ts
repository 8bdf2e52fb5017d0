import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { checkModelName } from './model-name.ts';
import type { Deployment, Model, Version } from './model.ts';
import type { Administration, ModelServers, RegistryState } from './ports.ts';
import { checkServed, describeServed, type ServedSource } from './served-source.ts';
import { describeSource, type Described, type Source } from './source.ts';

/** Every router holds every model of the house in memory, and a snapshot carries them all. */
export const MAX_MODELS = 10_000;
export const MAX_VERSIONS_PER_MODEL = 1000;
/** A router probes each deployment and keeps connections to it. */
export const MAX_DEPLOYMENTS_PER_MODEL = 64;

export interface Added {
  readonly model: Model;
  readonly version: Version;
  readonly deployment: Deployment;
}

interface Addition {
  readonly state: RegistryState;
  readonly actor: Actor;
  readonly described: Described;
  readonly nowMs: number;
}

/**
 * Gives a model one more place to answer: the model is made when its name is new, the version when its digest is.
 * The same source again is `already_exists`, unless it comes with another credential, which then replaces the old one.
 */
export async function addModel(administration: Administration & { readonly servers: ModelServers }, actor: Actor, given: string, source: Source | ServedSource): Promise<Added> {
  const name = checkModelName(given, 'name');
  const checked = source.kind === 'kserve' ? checkServed(source, name) : describeSource(source, name);
  await administration.permissions.require(actor, 'model.change');
  const described = 'kind' in checked ? describeServed(checked, await administration.servers.signature(checked)) : checked;
  return administration.acts.act(actor.organisationId, async (state) => {
    const addition = { state, actor, described, nowMs: administration.clock.wallMs() };
    if (await state.alias(name)) throw new ServiceError('already_exists', 'An alias has this name.', { param: 'name' });
    const known = await state.model(name);
    const model = known ?? (await newModel(administration, addition, name));
    const versions = await state.versions(model.id);
    const deployments = await state.deployments(model.id);
    const version = versions.find(({ digest }) => digest === described.digest) ?? (await newVersion(administration, addition, model, versions.length));
    const same = deployments.find(({ versionId }) => versionId === version.id);
    const replaced = deployments.find((one) => isReplaced(one, version, described));
    if (same && !replaced) return rotate(addition, { model, version, deployment: same });
    if (deployments.length >= MAX_DEPLOYMENTS_PER_MODEL) {
      throw new ServiceError('failed_precondition', `A model has at most ${MAX_DEPLOYMENTS_PER_MODEL} deployments.`);
    }
    const added = { model, version, deployment: await newDeployment(administration, addition, version) };
    await recordAddition(addition, added, known === undefined, replaced && (await removed(state, replaced)));
    return added;
  });
}

/**
 * Two files with the same digest are the same weights: the file was moved, and the engine must not hold it twice. And a model of
 * a KServe v2 server that has other tensors now is no longer what was added before.
 */
function isReplaced(one: Deployment, version: Version, { reach }: Described): boolean {
  if (one.versionId === version.id) return one.weightsPath !== reach.weightsPath;
  return one.protocol === 'kserve' && one.weightsPath === '' && one.target === reach.target && one.upstreamModel === reach.upstreamModel;
}

async function newModel({ ids }: Administration, { state, actor, nowMs }: Addition, name: string): Promise<Model> {
  if ((await state.counts()).models >= MAX_MODELS) throw new ServiceError('failed_precondition', `An organisation has at most ${MAX_MODELS} models.`);
  const model = { id: ids.next('mdl'), organisationId: actor.organisationId, name, createdAtMs: nowMs };
  await state.addModel(model);
  return model;
}

async function newVersion({ ids }: Administration, { state, described, nowMs }: Addition, model: Model, existing: number): Promise<Version> {
  if (existing >= MAX_VERSIONS_PER_MODEL) throw new ServiceError('failed_precondition', `A model has at most ${MAX_VERSIONS_PER_MODEL} versions.`);
  const { digest, description, signature } = described;
  const version = { id: ids.next('ver'), modelId: model.id, number: existing + 1, digest, description, createdAtMs: nowMs, ...(signature && { signature }) };
  await state.addVersion(version);
  return version;
}

async function newDeployment({ ids }: Administration, { state, described }: Addition, version: Version): Promise<Deployment> {
  const { reach, credential } = described;
  const deployment: Deployment = {
    ...reach, id: ids.next('dep'), versionId: version.id, state: 'active', hasCredential: credential !== undefined,
  };
  await state.addDeployment(deployment, credential);
  return deployment;
}

async function removed(state: RegistryState, deployment: Deployment): Promise<Deployment> {
  const gone: Deployment = { ...deployment, state: 'removed' };
  await state.setDeploymentState(gone);
  return gone;
}

async function rotate({ state, actor, described, nowMs }: Addition, known: Added): Promise<Added> {
  const { deployment, model } = known;
  const { credential, reach } = described;
  if (deployment.placement !== reach.placement) {
    throw new ServiceError('already_exists', 'The model answers from there already, with another placement; remove it first to change that.', { param: `${deployment.protocol}.placement` });
  }
  if (credential === undefined || credential === (await state.credential(deployment.id))) {
    const loaded = reach.managed ? ' Its server was asked for it, and has it loaded.' : '';
    throw new ServiceError('already_exists', `The model answers from there already.${loaded}`, { param: 'name' });
  }
  await state.setCredential(deployment.id, credential);
  const rotated = { ...deployment, hasCredential: true };
  const act = { actor, action: 'deployment.credential_rotated', object: `deployment:${deployment.id}`, atMs: nowMs, detail: { model: model.name } };
  await state.record(act, { deployments: [rotated] });
  return { ...known, deployment: rotated };
}

function recordAddition({ state, actor, nowMs }: Addition, added: Added, isNew: boolean, gone: Deployment | undefined): Promise<void> {
  const { model, version, deployment } = added;
  const detail = {
    deployment_id: deployment.id,
    digest: version.digest,
    name: model.name,
    placement: deployment.placement,
    protocol: deployment.protocol,
    target: deployment.target,
    upstream_model: deployment.upstreamModel,
    version: version.number,
    ...(deployment.managed ? { managed: 'true' } : {}),
    ...(gone ? { replaced_deployment_id: gone.id } : {}),
  };
  const act = { actor, action: isNew ? 'model.added' : 'deployment.added', object: `model:${model.id}`, atMs: nowMs, detail };
  return state.record(act, { models: [model], versions: [version], deployments: gone ? [gone, deployment] : [deployment] });
}
