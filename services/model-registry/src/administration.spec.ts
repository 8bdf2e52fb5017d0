import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AccessService } from '@sluice/proto/access/v1/access';
import { AdminActedSchema, type AdminActed } from '@sluice/proto/events/v1/calls';
import { DeploymentState, Placement, Protocol, type AddModelResponse } from '@sluice/proto/model_registry/v1/model_registry';
import type { Implementation } from '@sluice/rpc';
import { MAX_DEPLOYMENTS_PER_MODEL, MAX_MODELS, MAX_VERSIONS_PER_MODEL } from './domain/add-model.ts';
import { MAX_ALIASES } from './domain/aliases.ts';
import { House, type Running } from './testing/house.ts';

const code = (name: string, param?: string) => expect.objectContaining({ code: name, ...(param === undefined ? {} : { param }) });
const actor = { keyId: 'owner', organisationId: 'org' };
const DIGEST = `sha256:${'1a'.repeat(32)}`;

describe('the registry', () => {
  let house: House;
  let running: Running;
  beforeEach(async () => {
    house = await House.build();
    running = await house.start();
  });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  const add = (name: string, baseUrl: string, more: { upstreamModel?: string; credential?: string; placement?: Placement } = {}): Promise<AddModelResponse> =>
    running.registry.addModel({ actor, name, source: { case: 'openai', value: { baseUrl, ...more } } });
  const addFile = (name: string, path: string, digest = DIGEST) =>
    running.registry.addModel({ actor, name, source: { case: 'gguf', value: { path, digest } } });
  const list = (organisationId = 'org') => running.registry.listModels({ organisationId });

  it('makes model, version and deployment of an upstream', async () => {
    const { model, version, deployment } = await add('chat', 'http://one/v1/', { upstreamModel: 'llama', placement: Placement.EXTERNAL });
    expect(model).toMatchObject({ name: 'chat', organisationId: 'org', createdAtMs: BigInt(house.clock.wallMs()) });
    expect(version).toMatchObject({ modelId: model!.id, number: 1, digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), description: 'http://one/v1 llama' });
    expect(deployment).toMatchObject({
      versionId: version!.id, protocol: Protocol.OPENAI, placement: Placement.EXTERNAL, state: DeploymentState.ACTIVE,
      target: 'http://one/v1', upstreamModel: 'llama', weightsPath: '', hasCredential: false,
    });
    expect(await list()).toMatchObject({ models: [model], versions: [version], deployments: [deployment], aliases: [] });
  });

  it('makes model, version and deployment of weights, inside', async () => {
    const { version, deployment } = await addFile('small', '/models/small.gguf');
    expect(version).toMatchObject({ digest: DIGEST, description: 'small.gguf' });
    expect(deployment).toMatchObject({ protocol: Protocol.KSERVE, placement: Placement.INSIDE, target: 'local', weightsPath: '/models/small.gguf' });
  });

  it('gives a model two deployments that share the load when it is added with two addresses', async () => {
    const first = await add('chat', 'http://one/v1');
    const second = await add('chat', 'http://two/v1');
    expect(second.model).toEqual(first.model);
    expect(second.version!.number).toBe(2);
    const { deployments } = await running.registry.getSnapshot({});
    expect(deployments.map(({ target, state }) => [target, state])).toEqual([['http://one/v1', DeploymentState.ACTIVE], ['http://two/v1', DeploymentState.ACTIVE]]);
  });

  it('refuses the same source again, unless the credential is another one: then it is rotated', async () => {
    const { deployment } = await add('chat', 'http://one/v1', { credential: 'tok-1' });
    for (const credential of ['tok-1', '']) await expect(add('chat', 'http://one/v1/', { credential })).rejects.toEqual(code('already_exists', 'name'));
    await expect(add('chat', 'http://one/v1', { credential: 'tok-2', placement: Placement.EXTERNAL })).rejects.toEqual(code('already_exists', 'openai.placement'));
    const before = await running.registry.getSnapshot({});
    expect(before.credentials).toMatchObject([{ deploymentId: deployment!.id, token: 'tok-1' }]);
    expect((await add('chat', 'http://one/v1', { credential: 'tok-2' })).deployment).toEqual(deployment);
    const after = await running.registry.getSnapshot({});
    expect(after.credentials).toMatchObject([{ deploymentId: deployment!.id, token: 'tok-2' }]);
    expect(after.position).toBe(before.position + 1n);
  });

  it('follows weights that were moved, without a second copy of them', async () => {
    const first = await addFile('small', '/old/small.gguf');
    await expect(addFile('small', '/old/small.gguf')).rejects.toEqual(code('already_exists'));
    const second = await addFile('small', '/new/small.gguf');
    expect(second.version).toEqual(first.version);
    expect((await running.registry.getSnapshot({})).deployments).toEqual([second.deployment]);
  });

  it('forgets name, aliases and credential of a removed model, keeps its versions, and lets the name begin anew', async () => {
    const { model } = await add('chat', 'http://one/v1', { credential: 'tok' });
    await running.registry.setAlias({ actor, alias: 'gpt-4o', modelName: 'chat' });
    await running.registry.removeModel({ actor, name: 'chat' });
    expect(await running.registry.getSnapshot({})).toMatchObject({ models: [], versions: [], deployments: [], aliases: [], credentials: [] });
    const rows = await house.sql('model_registry').query('select state, sealed_credential, digest from deployment join version on version.id = version_id');
    expect(rows).toEqual([{ state: 'removed', sealed_credential: null, digest: expect.stringMatching(/^sha256:/) }]);
    await expect(running.registry.removeModel({ actor, name: 'chat' })).rejects.toEqual(code('model_not_found', 'name'));
    const again = await add('gpt-4o', 'http://one/v1');
    expect(again.model!.id).not.toBe(model!.id);
    expect(again.version!.number).toBe(1);
  });

  it('gives models other names: moved at will, never chained, never twice', async () => {
    const one = await add('one', 'http://one/v1');
    const two = await add('two', 'http://two/v1');
    expect(await running.registry.setAlias({ actor, alias: 'best', modelName: 'one' })).toMatchObject({ alias: { name: 'best', modelId: one.model!.id, organisationId: 'org' } });
    await expect(running.registry.setAlias({ actor, alias: 'two', modelName: 'one' })).rejects.toEqual(code('already_exists', 'alias'));
    await expect(running.registry.setAlias({ actor, alias: 'better', modelName: 'best' })).rejects.toEqual(code('failed_precondition', 'model_name'));
    await expect(running.registry.setAlias({ actor, alias: 'better', modelName: 'none' })).rejects.toEqual(code('model_not_found', 'model_name'));
    await expect(add('best', 'http://three/v1')).rejects.toEqual(code('already_exists', 'name'));
    const { position } = await running.registry.getSnapshot({});
    await running.registry.setAlias({ actor, alias: 'best', modelName: 'one' });
    expect((await running.registry.getSnapshot({})).position).toBe(position);
    await running.registry.setAlias({ actor, alias: 'best', modelName: 'two' });
    expect((await list()).aliases).toMatchObject([{ name: 'best', modelId: two.model!.id }]);
    await running.registry.removeAlias({ actor, alias: 'best' });
    await expect(running.registry.removeAlias({ actor, alias: 'best' })).rejects.toEqual(code('not_found', 'alias'));
  });

  it('refuses by the name of the field', async () => {
    await expect(running.registry.addModel({ actor, name: 'x' })).rejects.toEqual(code('missing_required_parameter', 'openai'));
    await expect(running.registry.addModel({ name: 'x', source: { case: 'openai', value: { baseUrl: 'http://one' } } })).rejects.toEqual(code('missing_required_parameter', 'actor'));
    await expect(add('a b', 'http://one')).rejects.toEqual(code('invalid_value', 'name'));
    await expect(add('x', 'one')).rejects.toEqual(code('invalid_value', 'openai.base_url'));
    await expect(add('x', 'http://one', { placement: 9 as Placement })).rejects.toEqual(code('invalid_value', 'openai.placement'));
    await expect(running.registry.removeModel({ actor, name: '' })).rejects.toEqual(code('missing_required_parameter', 'name'));
  });

  it('asks access who may change models', async () => {
    const by = (keyId: string, organisationId = 'org') =>
      running.registry.addModel({ actor: { keyId, organisationId }, name: keyId.replace(' ', '-'), source: { case: 'openai', value: { baseUrl: 'http://one' } } });
    await by('member');
    await by('their owner', 'other');
    for (const keyId of ['auditor', 'inference', 'revoked', 'expired', 'nobody', 'their owner']) await expect(by(keyId)).rejects.toEqual(code('insufficient_permissions'));
    for (const act of [
      running.registry.removeModel({ actor: { ...actor, keyId: 'auditor' }, name: 'member' }),
      running.registry.setAlias({ actor: { ...actor, keyId: 'auditor' }, alias: 'a', modelName: 'member' }),
      running.registry.removeAlias({ actor: { ...actor, keyId: 'auditor' }, alias: 'a' }),
    ]) await expect(act).rejects.toEqual(code('insufficient_permissions'));
    expect((await list()).models.map(({ name }) => name)).toEqual(['member']);
    expect((await list('other')).models.map(({ name }) => name)).toEqual(['their-owner']);
  });

  it('keeps organisations apart: the same names and addresses in two of them are different things', async () => {
    const theirs = { keyId: 'their owner', organisationId: 'other' };
    const source = (credential: string) => ({ case: 'openai' as const, value: { baseUrl: 'http://one/v1', credential } });
    const ours = await running.registry.addModel({ actor, name: 'chat', source: source('tok-ours') });
    for (const act of [
      running.registry.removeModel({ actor: theirs, name: 'chat' }),
      running.registry.setAlias({ actor: theirs, alias: 'best', modelName: 'chat' }),
    ]) await expect(act).rejects.toEqual(code('model_not_found'));
    await running.registry.setAlias({ actor, alias: 'best', modelName: 'chat' });
    await expect(running.registry.removeAlias({ actor: theirs, alias: 'best' })).rejects.toEqual(code('not_found', 'alias'));
    const other = await running.registry.addModel({ actor: theirs, name: 'chat', source: source('tok-theirs') });
    expect(other.deployment!.id).not.toBe(ours.deployment!.id);
    await running.registry.addModel({ actor: theirs, name: 'best', source: source('tok-theirs') });
    expect(await list('other')).toMatchObject({ models: [{ organisationId: 'other', name: 'chat' }, { organisationId: 'other', name: 'best' }], aliases: [] });
    expect(await list()).toMatchObject({ models: [ours.model], deployments: [ours.deployment], aliases: [{ name: 'best' }] });
    const { credentials } = await running.registry.getSnapshot({});
    expect(credentials.find(({ deploymentId }) => deploymentId === ours.deployment!.id)).toMatchObject({ token: 'tok-ours' });
  });

  it('is the same after a restart, and goes on from the same position', async () => {
    await add('chat', 'http://one/v1', { credential: 'tok' });
    await running.registry.setAlias({ actor, alias: 'best', modelName: 'chat' });
    const before = await running.registry.getSnapshot({});
    await running.stop();
    const next = await house.start();
    expect(await next.registry.getSnapshot({})).toEqual(before);
    await next.registry.removeAlias({ actor, alias: 'best' });
    expect((await next.registry.getSnapshot({})).position).toBe(before.position + 1n);
  });

  it('can turn two aliases against each other by no order of acts: one of them always names a model', async () => {
    for (const name of ['one', 'two']) await add(name, `http://${name}/v1`);
    const turns = [['a', 'b'], ['b', 'a'], ['a', 'one'], ['b', 'two'], ['one', 'two'], ['two', 'one'], ['a', 'a']] as const;
    for (let round = 0; round < 5; round++) await Promise.allSettled(turns.map(([alias, modelName]) => running.registry.setAlias({ actor, alias, modelName })));
    const { models, aliases } = await list();
    expect(aliases.map(({ name, modelId }) => [name, models.find(({ id }) => id === modelId)!.name])).toEqual([['a', 'one'], ['b', 'two']]);
  });

  it('changes nothing while access does not answer, and does not wait for it for ever', async () => {
    const slow = await house.startAlone();
    slow.platform.serve(AccessService, { authorise: () => new Promise(() => undefined) } as unknown as Implementation<typeof AccessService>);
    const before = await list();
    await expect(slow.registry.addModel({ actor, name: 'x', source: { case: 'openai', value: { baseUrl: 'http://one' } } })).rejects.toEqual(code('access_unavailable'));
    expect(await list()).toEqual(before);
  });

  it('changes nothing while access is away', async () => {
    const alone = await house.startAlone();
    await expect(alone.registry.addModel({ actor, name: 'x', source: { case: 'openai', value: { baseUrl: 'http://one' } } })).rejects.toEqual(code('access_unavailable'));
  });

  it('lets one of two adders of the same name make it, and the other join', async () => {
    const [one, two] = await Promise.all([add('chat', 'http://one/v1'), add('chat', 'http://two/v1')]);
    expect(one.model).toEqual(two.model);
    const twins = await Promise.allSettled([add('twin', 'http://one/v1'), add('twin', 'http://one/v1')]);
    expect(twins.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('can tell what was live at any moment, and nobody can rewrite it', async () => {
    const sql = house.sql('model_registry');
    const liveAt = (atMs: number) => sql.query<{ name: string }>(
      `select subject || ' ' || model_name || coalesce(' ' || target, '') as name from (
         select distinct on (subject, subject_id) * from history where organisation_id = 'org' and at_ms <= $1 order by subject, subject_id, seq desc
       ) as last where live order by seq`, [atMs]).then((rows) => rows.map(({ name }) => name));
    const moments: number[] = [];
    const then = async (act: Promise<unknown>) => {
      await act;
      moments.push(house.clock.wallMs());
      house.clock.jump(1000);
    };
    await then(add('chat', 'http://one/v1'));
    await then(add('chat', 'http://two/v1'));
    await then(running.registry.setAlias({ actor, alias: 'best', modelName: 'chat' }));
    await then(running.registry.removeAlias({ actor, alias: 'best' }));
    await then(running.registry.removeModel({ actor, name: 'chat' }));
    expect(await liveAt(moments[0]! - 1)).toEqual([]);
    expect(await liveAt(moments[0]!)).toEqual(['deployment chat http://one/v1']);
    expect(await liveAt(moments[2]! + 500)).toEqual(['deployment chat http://one/v1', 'deployment chat http://two/v1', 'alias chat']);
    expect(await liveAt(moments[3]!)).toEqual(['deployment chat http://one/v1', 'deployment chat http://two/v1']);
    expect(await liveAt(moments[4]!)).toEqual([]);
    for (const text of ['update history set live = true', 'delete from history', 'truncate history', `update version set digest = 'x'`, 'delete from version']) {
      await expect(sql.query(text)).rejects.toThrow(/never changed/);
    }
  });

  it('stops at its limits', async () => {
    const sql = house.sql('model_registry');
    const { model } = await add('chat', 'http://one/v1');
    await running.registry.setAlias({ actor, alias: 'best', modelName: 'chat' });
    await sql.query(`insert into version select 'ver_fill' || n, $1, n, 'sha256:' || n, 'd', 1 from generate_series(2, $2::int) as n`, [model!.id, MAX_VERSIONS_PER_MODEL]);
    await expect(add('chat', 'http://two/v1')).rejects.toEqual(code('failed_precondition'));
    await sql.query(`insert into model select 'mdl_fill' || n, 'org', 'fill' || n, 1, null from generate_series(2, $1::int) as n`, [MAX_MODELS]);
    await expect(add('more', 'http://two/v1')).rejects.toEqual(code('failed_precondition'));
    await sql.query(
      `insert into version values ('ver_x', 'mdl_fill2', 1, 'sha256:x', 'd', 1)`);
    await sql.query(`insert into deployment select 'dep_fill' || n, 'ver_x', 'openai', 'inside', 'active', 't', 'u', '', null from generate_series(1, $1::int) as n`, [MAX_DEPLOYMENTS_PER_MODEL]);
    await expect(add('fill2', 'http://two/v1')).rejects.toEqual(code('failed_precondition'));
    await sql.query(`insert into alias select 'org', 'alias' || n, $1 from generate_series(2, $2::int) as n`, [model!.id, MAX_ALIASES]);
    await expect(running.registry.setAlias({ actor, alias: 'more', modelName: 'chat' })).rejects.toEqual(code('failed_precondition'));
    await running.registry.setAlias({ actor, alias: 'best', modelName: 'fill3' });
  });

  it('records each act for the audit, by whom, with a detail in canonical JSON', async () => {
    const { model, deployment, version } = await add('chat', 'http://one/v1', { credential: 'tok-1' });
    await add('chat', 'http://one/v1', { credential: 'tok-2' });
    await add('chat', 'http://two/v1');
    await running.registry.setAlias({ actor, alias: 'best', modelName: 'chat' });
    await running.registry.removeModel({ actor, name: 'chat' });
    const acts: AdminActed[] = [];
    const reader = house.events.follow(AdminActedSchema, 0n, { onRecord: ({ message }) => void acts.push(message), onBeat: () => undefined });
    await reader.caughtUp();
    await reader.stop();
    expect(acts.map(({ action, object }) => [action, object])).toEqual([
      ['model.added', `model:${model!.id}`], ['deployment.credential_rotated', `deployment:${deployment!.id}`], ['deployment.added', `model:${model!.id}`],
      ['alias.set', 'alias:best'], ['model.removed', `model:${model!.id}`],
    ]);
    for (const act of acts) expect(act).toMatchObject({ actor, organisationId: 'org', actedAtMs: BigInt(house.clock.wallMs()) });
    expect(acts[0]!.detailJson).toBe(
      `{"deployment_id":"${deployment!.id}","digest":"${version!.digest}","name":"chat","placement":"inside","protocol":"openai","target":"http://one/v1","upstream_model":"chat","version":1}`,
    );
    expect(acts[4]!.detailJson).toBe('{"aliases":1,"deployments":2,"name":"chat"}');
  });
});
