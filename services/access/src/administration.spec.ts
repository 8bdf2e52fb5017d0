import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BodyPolicy, KeyKind, Role } from '@sluice/proto/access/v1/access';
import { AdminActedSchema, type AdminActed } from '@sluice/proto/events/v1/calls';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { MAX_UNREVOKED_KEYS } from './domain/create-api-key.ts';
import { MAX_PROJECTS } from './domain/create-project.ts';
import { SECRET_PATTERNS } from './domain/secret.ts';
import { House, type Running } from './testing/house.ts';

const code = (name: string, param?: string) => expect.objectContaining({ code: name, ...(param === undefined ? {} : { param }) });

describe('administration', () => {
  let house: House;
  let running: Running;
  let actor: { keyId: string; organisationId: string };
  let projectId: string;
  const inference = () => ({ actor, kind: KeyKind.INFERENCE, projectId, name: 'app' });

  beforeAll(async () => {
    house = await House.build();
    running = await house.start();
    ({ actor, projectId } = await running.first());
  });
  afterAll(async () => { await house[Symbol.asyncDispose](); });

  describe('projects', () => {
    it('are made with a data key of their own, keep what was sent by default, and are listed', async () => {
      const { project } = await running.access.createProject({ actor, name: 'second' });
      expect(project).toMatchObject({ name: 'second', organisationId: actor.organisationId, bodyPolicy: BodyPolicy.SENT });
      const secrets = await running.access.getProjectSecrets({ organisationId: actor.organisationId, projectId: project!.id });
      expect(secrets.project).toMatchObject({ project, dataKeys: [{ id: expect.stringMatching(/^dk_/) }] });
      const first = await running.access.getProjectSecrets({ organisationId: actor.organisationId, projectId });
      expect(secrets.project!.dataKeys[0]!.key).toHaveLength(32);
      expect(secrets.project!.dataKeys[0]!.key).not.toEqual(first.project!.dataKeys[0]!.key);
      const { projects } = await running.access.listProjects({ organisationId: actor.organisationId });
      expect(projects.map(({ name }) => name)).toEqual(['default', 'second']);
    });

    it.each([BodyPolicy.SENT, BodyPolicy.ORIGINAL_AND_SENT, BodyPolicy.DIGEST])('keep the body policy %s', async (bodyPolicy) => {
      const { project } = await running.access.createProject({ actor, name: `policy ${bodyPolicy}`, bodyPolicy });
      expect((await running.access.getProjectSecrets({ organisationId: actor.organisationId, projectId: project!.id })).project!.project).toEqual(project);
    });

    it('are refused with the parameter at fault', async () => {
      await expect(running.access.createProject({ actor, name: 'default' })).rejects.toEqual(code('already_exists', 'name'));
      await expect(running.access.createProject({ actor, name: '' })).rejects.toEqual(code('missing_required_parameter', 'name'));
      await expect(running.access.createProject({ actor, name: 'a\nb' })).rejects.toEqual(code('invalid_value', 'name'));
      await expect(running.access.createProject({ actor, name: 'x', bodyPolicy: 9 as BodyPolicy })).rejects.toEqual(code('invalid_value', 'body_policy'));
      await expect(running.access.createProject({ name: 'x' })).rejects.toEqual(code('missing_required_parameter', 'actor'));
      await expect(running.access.getProjectSecrets({ organisationId: actor.organisationId, projectId: 'proj_none' })).rejects.toEqual(code('not_found', 'project_id'));
      await expect(running.access.getProjectSecrets({ projectId })).rejects.toEqual(code('missing_required_parameter', 'organisation_id'));
      await expect(running.access.getProjectSecrets({ organisationId: 'org_other', projectId })).rejects.toEqual(code('not_found', 'project_id'));
    });
  });

  describe('the question of another service', () => {
    const may = (keyId: string, organisationId = actor.organisationId, action = 'model.change') => running.access.authorise({ actor: { keyId, organisationId }, action });

    it('is answered by the role of a live admin key', async () => {
      const member = await running.adminKey(Role.MEMBER);
      for (const key of [actor.keyId, member.id]) await expect(may(key)).resolves.toBeDefined();
      const auditor = await running.adminKey(Role.AUDITOR);
      const { key: app } = await running.access.createApiKey({ ...inference() });
      await running.access.revokeApiKey({ actor, keyId: member.id });
      for (const key of [auditor.id, app!.id, member.id, 'key_none']) await expect(may(key)).rejects.toMatchObject({ code: 'insufficient_permissions' });
      await expect(may(actor.keyId, 'org_other')).rejects.toMatchObject({ code: 'insufficient_permissions' });
      await expect(may(actor.keyId, undefined, 'model.eat')).rejects.toEqual(code('invalid_value', 'action'));
      await expect(running.access.authorise({ action: 'model.change' })).rejects.toEqual(code('missing_required_parameter', 'actor'));
    });
  });

  describe('keys', () => {
    it('show their secret once and are recognised by its hash and prefix', async () => {
      const expiresAtMs = BigInt(house.clock.wallMs() + 60_000);
      const { key, secret } = await running.access.createApiKey({ ...inference(), models: ['m', 'n', 'm'], expiresAtMs });
      expect(secret).toMatch(SECRET_PATTERNS.inference);
      expect(key).toMatchObject({ name: 'app', projectId, role: Role.UNSPECIFIED, models: ['m', 'n'], expiresAtMs, revokedAtMs: 0n, prefix: secret.slice(0, 16) });
      const { keys } = await running.access.listApiKeys({ organisationId: actor.organisationId });
      expect(keys.find(({ id }) => id === key!.id)).toEqual(key);
      expect(keys.every(({ keyedHash }) => keyedHash.length === 0)).toBe(true);
      expect((await running.snapshot()).keys.find(({ id }) => id === key!.id)!.keyedHash).toHaveLength(32);
    });

    it('are refused with the parameter at fault', async () => {
      const refuse = (values: object) => running.access.createApiKey({ ...inference(), ...values });
      const admin = { kind: KeyKind.ADMIN, role: Role.MEMBER, projectId: '' };
      await expect(refuse({ kind: KeyKind.UNSPECIFIED })).rejects.toEqual(code('missing_required_parameter', 'kind'));
      await expect(refuse({ kind: 7 })).rejects.toEqual(code('invalid_value', 'kind'));
      await expect(refuse({ projectId: '' })).rejects.toEqual(code('missing_required_parameter', 'project_id'));
      await expect(refuse({ projectId: 'proj_none' })).rejects.toEqual(code('not_found', 'project_id'));
      await expect(refuse({ role: Role.OWNER })).rejects.toEqual(code('invalid_value', 'role'));
      await expect(refuse({ name: '\u0007' })).rejects.toEqual(code('invalid_value', 'name'));
      await expect(refuse({ models: [''] })).rejects.toEqual(code('missing_required_parameter', 'models[0]'));
      await expect(refuse({ expiresAtMs: BigInt(house.clock.wallMs()) })).rejects.toEqual(code('invalid_value', 'expires_at_ms'));
      await expect(refuse({ ...admin, role: Role.UNSPECIFIED })).rejects.toEqual(code('missing_required_parameter', 'role'));
      await expect(refuse({ ...admin, projectId })).rejects.toEqual(code('invalid_value', 'project_id'));
      await expect(refuse({ ...admin, models: ['m'] })).rejects.toEqual(code('invalid_value', 'models'));
    });

    it('stay dead once revoked, and revoking again changes and records nothing', async () => {
      const { key } = await running.access.createApiKey(inference());
      const { key: revoked, wasRevoked } = await running.access.revokeApiKey({ actor, keyId: key!.id });
      expect(wasRevoked).toBe(false);
      expect(revoked!.revokedAtMs).toBe(BigInt(house.clock.wallMs()));
      const { position, keys } = await running.snapshot();
      expect(keys.some(({ id }) => id === key!.id)).toBe(false);
      house.clock.jump(5000);
      expect(await running.access.revokeApiKey({ actor, keyId: key!.id })).toMatchObject({ key: revoked, wasRevoked: true });
      expect((await running.snapshot()).position).toBe(position);
      const listed = await running.access.listApiKeys({ organisationId: actor.organisationId });
      expect(listed.keys.find(({ id }) => id === key!.id)).toEqual(revoked);
    });

    it('cannot be revoked where there are none', async () => {
      await expect(running.access.revokeApiKey({ actor, keyId: 'key_none' })).rejects.toEqual(code('not_found', 'key_id'));
      await expect(running.access.revokeApiKey({ actor, keyId: '' })).rejects.toEqual(code('missing_required_parameter', 'key_id'));
    });
  });

  describe('a key that has expired', () => {
    it('opens no act and no question from its last millisecond on, and stays in the snapshot so that its holder can be told', async () => {
      const expiresAtMs = BigInt(house.clock.wallMs() + 1000);
      const member = await running.adminKey(Role.MEMBER, expiresAtMs);
      const { key: app } = await running.access.createApiKey({ ...inference(), expiresAtMs });
      const by = { ...actor, keyId: member.id };
      house.clock.jump(999);
      await running.access.authorise({ actor: by, action: 'model.change' });
      const { key: spare } = await running.access.createApiKey({ ...inference(), actor: by });
      house.clock.jump(1);
      for (const act of [
        running.access.authorise({ actor: by, action: 'model.change' }),
        running.access.createApiKey({ ...inference(), actor: by }),
        running.access.revokeApiKey({ actor: by, keyId: spare!.id }),
      ]) await expect(act).rejects.toEqual(code('insufficient_permissions'));
      const { keys } = await running.snapshot();
      for (const { id } of [member, app!]) expect(keys.find((key) => key.id === id)).toMatchObject({ expiresAtMs, revokedAtMs: 0n });
      expect(keys.some(({ id }) => id === spare!.id)).toBe(true);
    });

    it('can still be revoked, and is then gone from the snapshot', async () => {
      const { key } = await running.access.createApiKey({ ...inference(), expiresAtMs: BigInt(house.clock.wallMs() + 1) });
      house.clock.jump(1);
      await running.access.revokeApiKey({ actor, keyId: key!.id });
      expect((await running.snapshot()).keys.some(({ id }) => id === key!.id)).toBe(false);
    });
  });

  describe('the models of a key', () => {
    it('reach every copy as they were given, each once: by the answer, by the snapshot, by the event and by the list', async () => {
      const { position } = await running.snapshot();
      const heard: (readonly string[])[] = [];
      const reader = house.events.follow(AccessChangedSchema, position, {
        onRecord: ({ message: { change } }) => void heard.push(change.case === 'key' ? change.value.models : []),
        onBeat: () => undefined,
      });
      const { key } = await running.access.createApiKey({ ...inference(), models: ['b', 'a/c', 'b', '"}'] });
      await reader.caughtUp();
      await reader.stop();
      const models = ['b', 'a/c', '"}'];
      const listed = await running.access.listApiKeys({ organisationId: actor.organisationId });
      const known = [[key!], (await running.snapshot()).keys, listed.keys].map((keys) => keys.find(({ id }) => id === key!.id)!.models);
      expect([...known, ...heard]).toEqual([models, models, models, models]);
    });

    it('stay as they are for the life of the key: nothing changes them, not even its revocation', async () => {
      const { key } = await running.access.createApiKey({ ...inference(), models: ['only'] });
      expect((await running.access.revokeApiKey({ actor, keyId: key!.id })).key!.models).toEqual(['only']);
    });
  });

  describe('the last live owner key', () => {
    it('cannot be revoked; with another one it can', async () => {
      await expect(running.access.revokeApiKey({ actor, keyId: actor.keyId })).rejects.toEqual(code('failed_precondition', 'key_id'));
      const second = await running.adminKey(Role.OWNER);
      const successor = { ...actor, keyId: second.id };
      await running.access.revokeApiKey({ actor: successor, keyId: actor.keyId });
      await expect(running.access.revokeApiKey({ actor: successor, keyId: second.id })).rejects.toEqual(code('failed_precondition'));
      await expect(running.access.createApiKey(inference())).rejects.toEqual(code('insufficient_permissions'));
      actor = successor;
    });

    it('is not saved by one that has expired', async () => {
      const brief = await running.adminKey(Role.OWNER, BigInt(house.clock.wallMs() + 1000));
      house.clock.jump(1000);
      await expect(running.access.revokeApiKey({ actor: { ...actor, keyId: brief.id }, keyId: actor.keyId })).rejects.toEqual(code('insufficient_permissions'));
      await expect(running.access.revokeApiKey({ actor, keyId: actor.keyId })).rejects.toEqual(code('failed_precondition'));
      await running.access.revokeApiKey({ actor, keyId: brief.id });
    });

    it('is left when two owners revoke each other at once', async () => {
      const [one, other] = [await running.adminKey(Role.OWNER), await running.adminKey(Role.OWNER)];
      await running.access.revokeApiKey({ actor: { ...actor, keyId: one.id }, keyId: actor.keyId });
      const results = await Promise.allSettled([[one, other], [other, one]].map(([by, of]) =>
        running.access.revokeApiKey({ actor: { ...actor, keyId: by!.id }, keyId: of!.id })));
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      ({ actor } = await running.first());
    });
  });

  describe('roles', () => {
    it.each([
      [Role.MEMBER, { project: false, admin: false, inference: true }],
      [Role.AUDITOR, { project: false, admin: false, inference: false }],
    ])('with number %s may do what their row says', async (role, may) => {
      const by = { ...actor, keyId: (await running.adminKey(role)).id };
      const spare = await running.adminKey(Role.AUDITOR);
      const { key } = await running.access.createApiKey(inference());
      const outcome = async (act: Promise<unknown>) => act.then(() => true, (error: { code: string }) => (error.code === 'insufficient_permissions' ? false : error));
      expect(await outcome(running.access.createProject({ actor: by, name: `by ${role}` }))).toBe(may.project);
      expect(await outcome(running.access.createApiKey({ actor: by, kind: KeyKind.ADMIN, role: Role.OWNER, name: 'x' }))).toBe(may.admin);
      expect(await outcome(running.access.revokeApiKey({ actor: by, keyId: spare.id }))).toBe(may.admin);
      expect(await outcome(running.access.createApiKey({ ...inference(), actor: by }))).toBe(may.inference);
      expect(await outcome(running.access.revokeApiKey({ actor: by, keyId: key!.id }))).toBe(may.inference);
    });

    it('belong to admin keys of this organisation alone', async () => {
      const { key } = await running.access.createApiKey(inference());
      for (const by of [{ ...actor, keyId: key!.id }, { ...actor, keyId: 'key_none' }, { ...actor, organisationId: 'org_none' }]) {
        await expect(running.access.createProject({ actor: by, name: 'x' })).rejects.toEqual(code('insufficient_permissions'));
      }
    });
  });

  it('keeps organisations apart', async () => {
    const sql = house.sql('access');
    await sql.query(`insert into organisation values ('org_other', 'other', 1)`);
    await sql.query(`insert into project values ('proj_other', 'org_other', 'theirs', 'sent', 1)`);
    await sql.query(`insert into api_key values ('key_other', 'org_other', 'admin', null, 'owner', 'o', 'p', '\\x00', '{}', 1, null, null)`);
    const by = { keyId: 'key_other', organisationId: 'org_other' };
    await expect(running.access.createApiKey({ ...inference(), actor: by })).rejects.toEqual(code('not_found', 'project_id'));
    await expect(running.access.revokeApiKey({ actor: by, keyId: actor.keyId })).rejects.toEqual(code('not_found', 'key_id'));
    expect((await running.access.listProjects({ organisationId: 'org_other' })).projects.map(({ id }) => id)).toEqual(['proj_other']);
    expect((await running.access.listApiKeys({ organisationId: 'org_other' })).keys.map(({ id }) => id)).toEqual(['key_other']);
    await expect(running.access.revokeApiKey({ actor: by, keyId: 'key_other' })).rejects.toEqual(code('failed_precondition'));
  });

  it('stops at its limits, which revoked keys do not count against', async () => {
    const sql = house.sql('access');
    await sql.query(`insert into project select 'proj_fill' || n, 'org_other', 'fill ' || n, 'sent', 1 from generate_series(2, $1::int) as n`, [MAX_PROJECTS]);
    const by = { keyId: 'key_other', organisationId: 'org_other' };
    await expect(running.access.createProject({ actor: by, name: 'one more' })).rejects.toEqual(code('failed_precondition'));
    await sql.query(
      `insert into api_key select 'key_fill' || n, 'org_other', 'inference', 'proj_other', null, 'n', 'p', decode(md5(n::text), 'hex'), '{}', 1, null, null from generate_series(2, $1::int) as n`,
      [MAX_UNREVOKED_KEYS],
    );
    const one = { ...inference(), actor: by, projectId: 'proj_other' };
    await expect(running.access.createApiKey(one)).rejects.toEqual(code('failed_precondition'));
    await running.access.revokeApiKey({ actor: by, keyId: 'key_fill7' });
    await running.access.createApiKey(one);
  });

  it('records each act for the audit, by whom, with a detail in canonical JSON', async () => {
    const acts: AdminActed[] = [];
    const reader = house.events.follow(AdminActedSchema, 0n, { onRecord: ({ message }) => void acts.push(message), onBeat: () => undefined });
    const { key } = await running.access.createApiKey({ ...inference(), models: ['b', 'a'] });
    await running.access.revokeApiKey({ actor, keyId: key!.id });
    await reader.caughtUp();
    await reader.stop();
    expect(acts.slice(0, 4).map(({ action, actor: by }) => [action, by!.keyId])).toEqual([
      ['organisation.created', 'bootstrap'], ['project.created', 'bootstrap'], ['key.created', 'bootstrap'], ['key.created', 'bootstrap'],
    ]);
    const common = { actor: expect.objectContaining(actor), object: `api_key:${key!.id}`, organisationId: actor.organisationId, actedAtMs: BigInt(house.clock.wallMs()) };
    expect(acts.slice(-2)).toEqual([
      expect.objectContaining({ ...common, action: 'key.created', detailJson: `{"kind":"inference","models":["b","a"],"name":"app","prefix":"${key!.prefix}","project_id":"${projectId}"}` }),
      expect.objectContaining({ ...common, action: 'key.revoked', detailJson: `{"kind":"inference","name":"app","prefix":"${key!.prefix}"}` }),
    ]);
  });
});
