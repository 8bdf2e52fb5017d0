import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeyKind, Level, OutOfBounds, Role, type ParameterRule } from '@sluice/proto/access/v1/access';
import { AdminActedSchema, type AdminActed } from '@sluice/proto/events/v1/calls';
import { AccessChangedSchema, type AccessChanged } from '@sluice/proto/events/v1/changes';
import { House, type Running } from './testing/house.ts';

const code = (name: string, param?: string) => expect.objectContaining({ code: name, ...(param === undefined ? {} : { param }) });
const LIMITS = { requestsPerMinute: 60n, tokensPerMinute: 1000n, concurrentRequests: 2n, requestsPerDay: 500n };
const NONE = { requestsPerMinute: 0n, tokensPerMinute: 0n, concurrentRequests: 0n, requestsPerDay: 0n };

describe('limits and parameter rules', () => {
  let house: House;
  let running: Running;
  let actor: { keyId: string; organisationId: string };
  let projectId: string;
  let keyId: string;
  const heard: AccessChanged[] = [];
  const acts: AdminActed[] = [];
  let stops: (() => Promise<void>)[];
  let caughtUp: () => Promise<unknown>;

  beforeAll(async () => {
    house = await House.build();
    running = await house.start();
    ({ actor, projectId } = await running.first());
    keyId = (await running.access.createApiKey({ actor, kind: KeyKind.INFERENCE, projectId, name: 'app' })).key!.id;
    const { position } = await running.snapshot();
    const changes = house.events.follow(AccessChangedSchema, position, { onRecord: ({ message }) => void heard.push(message), onBeat: () => undefined });
    const record = house.events.follow(AdminActedSchema, 0n, { onRecord: ({ message }) => void acts.push(message), onBeat: () => undefined });
    caughtUp = () => Promise.all([changes.caughtUp(), record.caughtUp()]);
    stops = [() => changes.stop(), () => record.stop()];
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
    await house[Symbol.asyncDispose]();
  });

  const set = (level: Level, subjectId: string, limits: Partial<typeof LIMITS> = LIMITS, by = actor) => running.access.setLimits({ actor: by, level, subjectId, change: limits });
  const known = async () => (await running.snapshot()).limits;

  describe('limits', () => {
    it('reach every copy at each level: by the answer, the list, the snapshot and the event, and stand in the record', async () => {
      const subjects = [[Level.ORGANISATION, actor.organisationId], [Level.PROJECT, projectId], [Level.KEY, keyId]] as const;
      for (const [level, subjectId] of subjects) expect((await set(level, subjectId)).limits).toMatchObject({ level, subjectId, limits: LIMITS });
      await caughtUp();
      const { limits: listed } = await running.access.listLimits({ organisationId: actor.organisationId });
      expect(listed.map(({ level, subjectId }) => [level, subjectId])).toEqual(subjects);
      expect(await known()).toEqual(listed);
      expect(heard.flatMap(({ change }) => (change.case === 'limits' ? [change.value] : []))).toEqual(listed);
      expect(acts.filter(({ action }) => action === 'limits.set').map(({ object }) => object)).toEqual([`organisation:${actor.organisationId}`, `project:${projectId}`, `api_key:${keyId}`]);
      expect(JSON.parse(acts.at(-1)!.detailJson)).toEqual({ requests_per_minute: 60, tokens_per_minute: 1000, concurrent_requests: 2, requests_per_day: 500 });
    });

    it('change as far as they are given, and are gone when nothing is limited any more', async () => {
      const changed = await set(Level.PROJECT, projectId, { requestsPerDay: 9n, tokensPerMinute: 0n });
      expect(changed.limits!.limits).toMatchObject({ ...LIMITS, requestsPerDay: 9n, tokensPerMinute: 0n });
      expect((await known()).find(({ level }) => level === Level.PROJECT)).toEqual(changed.limits);
      await caughtUp();
      expect(JSON.parse(acts.at(-1)!.detailJson)).toEqual({ requests_per_minute: 60, tokens_per_minute: 0, concurrent_requests: 2, requests_per_day: 9 });
      await set(Level.PROJECT, projectId, NONE);
      await set(Level.PROJECT, projectId, NONE);
      await caughtUp();
      expect((await known()).some(({ level }) => level === Level.PROJECT)).toBe(false);
      expect(heard.at(-1)!.change).toMatchObject({ case: 'limits', value: { level: Level.PROJECT, subjectId: projectId, limits: NONE } });
    });

    it('that two owners change at once are both changed', async () => {
      const changes = [{ requestsPerMinute: 7n }, { tokensPerMinute: 700n }, { concurrentRequests: 3n }, { requestsPerDay: 70n }];
      await Promise.all(changes.map((change) => set(Level.KEY, keyId, change)));
      expect((await known()).find(({ level }) => level === Level.KEY)!.limits).toMatchObject(Object.assign({}, ...changes));
    });

    it('of a key that is revoked are gone with it, and cannot be set again', async () => {
      const { key } = await running.access.createApiKey({ actor, kind: KeyKind.INFERENCE, projectId, name: 'gone' });
      await set(Level.KEY, key!.id);
      await running.access.revokeApiKey({ actor, keyId: key!.id });
      expect((await known()).some(({ subjectId }) => subjectId === key!.id)).toBe(false);
      await expect(set(Level.KEY, key!.id)).rejects.toEqual(code('failed_precondition', 'subject_id'));
    });

    it('are refused with the field at fault', async () => {
      await expect(set(Level.UNSPECIFIED, projectId)).rejects.toEqual(code('missing_required_parameter', 'level'));
      await expect(set(9 as Level, projectId)).rejects.toEqual(code('invalid_value', 'level'));
      await expect(set(Level.PROJECT, '')).rejects.toEqual(code('missing_required_parameter', 'subject_id'));
      for (const nothing of [{}, { change: {} }]) {
        const refusal = running.access.setLimits({ actor, level: Level.PROJECT, subjectId: projectId, ...nothing });
        await expect(refusal).rejects.toMatchObject({ code: 'missing_required_parameter', param: 'requests_per_minute', message: expect.stringContaining('`concurrent_requests`, `requests_per_day`') });
      }
      await expect(running.access.setLimits({ actor })).rejects.toEqual(code('missing_required_parameter', 'level'));
      await expect(set(Level.PROJECT, projectId, { ...LIMITS, tokensPerMinute: 2n ** 63n })).rejects.toEqual(code('invalid_value', 'tokens_per_minute'));
      for (const [level, id] of [[Level.ORGANISATION, 'org_other'], [Level.PROJECT, 'proj_none'], [Level.KEY, 'key_none'], [Level.KEY, projectId]] as const) {
        await expect(set(level, id)).rejects.toEqual(code('not_found', 'subject_id'));
      }
      await expect(set(Level.KEY, actor.keyId)).rejects.toEqual(code('invalid_value', 'subject_id'));
    });

    it('of projects and of the organisation are the owner\'s to set, those of keys a member\'s too, and no auditor\'s', async () => {
      const member = { ...actor, keyId: (await running.adminKey(Role.MEMBER)).id };
      const auditor = { ...actor, keyId: (await running.adminKey(Role.AUDITOR)).id };
      await set(Level.KEY, keyId, LIMITS, member);
      for (const [level, id] of [[Level.ORGANISATION, actor.organisationId], [Level.PROJECT, projectId]] as const) {
        await expect(set(level, id, LIMITS, member)).rejects.toEqual(code('insufficient_permissions'));
      }
      await expect(set(Level.KEY, keyId, LIMITS, auditor)).rejects.toEqual(code('insufficient_permissions'));
      await expect(set(Level.ORGANISATION, 'org_other', LIMITS, { ...actor, organisationId: 'org_other' })).rejects.toEqual(code('insufficient_permissions'));
    });
  });

  describe('parameter rules', () => {
    const rule = { parameter: 'temperature', max: 1, default: 0.2, outOfBounds: OutOfBounds.CLIP };
    const put = async (values: object, by = actor): Promise<ParameterRule> => (await running.access.setParameterRule({ actor: by, rule: { ...rule, ...values } })).rule!;
    const list = async () => (await running.access.listParameterRules({ organisationId: actor.organisationId })).rules;

    it('reach every copy as they were given, unset bounds too, and stand in the record', async () => {
      const made = await put({ projectId, model: 'm' });
      await caughtUp();
      expect(made).toMatchObject({ id: expect.stringMatching(/^prule_/), projectId, model: 'm', ...rule });
      expect(made.min).toBeUndefined();
      expect(await list()).toEqual([made]);
      expect((await running.snapshot()).parameterRules).toMatchObject([{ organisationId: actor.organisationId, rules: [made] }]);
      expect(heard.at(-1)!.change).toEqual({ case: 'parameterRule', value: made });
      expect(JSON.parse(acts.at(-1)!.detailJson)).toEqual({ parameter: 'temperature', project_id: projectId, model: 'm', max: 1, default: 0.2, out_of_bounds: 'clip' });
    });

    it('are one for each project, model and parameter: another replaces it and keeps its id', async () => {
      const everywhere = await put({});
      const again = await put({ max: 0.5, outOfBounds: OutOfBounds.REFUSE });
      expect(again).toMatchObject({ id: everywhere.id, max: 0.5, outOfBounds: OutOfBounds.REFUSE });
      expect((await list()).filter(({ id }) => id === everywhere.id)).toEqual([again]);
      const others = await Promise.all([put({ projectId }), put({ model: 'm' }), put({ parameter: 'top_p' })]);
      expect(new Set([everywhere.id, ...others.map(({ id }) => id)]).size).toBe(4);
    });

    it('are removed for every copy', async () => {
      const made = await put({ model: 'short' });
      expect((await running.access.removeParameterRule({ actor, ruleId: made.id })).rule).toEqual(made);
      await caughtUp();
      expect(heard.at(-1)!.change).toEqual({ case: 'removedParameterRuleId', value: made.id });
      expect(acts.at(-1)!.action).toBe('parameter_rule.removed');
      expect((await list()).some(({ id }) => id === made.id)).toBe(false);
      await expect(running.access.removeParameterRule({ actor, ruleId: made.id })).rejects.toEqual(code('not_found', 'rule_id'));
      await expect(running.access.removeParameterRule({ actor, ruleId: '' })).rejects.toEqual(code('missing_required_parameter', 'rule_id'));
    });

    it('are refused with the field at fault, for strangers\' projects, and to all but owners', async () => {
      await expect(put({ projectId: 'proj_none' })).rejects.toEqual(code('not_found', 'project_id'));
      await expect(put({ max: 3 })).rejects.toEqual(code('invalid_value', 'max'));
      await expect(put({ outOfBounds: 7 })).rejects.toEqual(code('invalid_value', 'out_of_bounds'));
      await expect(running.access.setParameterRule({ actor })).rejects.toEqual(code('missing_required_parameter', 'parameter'));
      const { id: ruleId } = await put({ parameter: 'n', max: 4, default: undefined });
      for (const role of [Role.AUDITOR, Role.MEMBER]) {
        const other = { ...actor, keyId: (await running.adminKey(role)).id };
        await expect(put({}, other)).rejects.toEqual(code('insufficient_permissions'));
        await expect(running.access.removeParameterRule({ actor: other, ruleId })).rejects.toEqual(code('insufficient_permissions'));
      }
      expect((await list()).find(({ id }) => id === ruleId)).toMatchObject({ parameter: 'n', max: 4 });
      expect(await running.access.listParameterRules({ organisationId: 'org_other' })).toMatchObject({ rules: [] });
    });
  });
});
