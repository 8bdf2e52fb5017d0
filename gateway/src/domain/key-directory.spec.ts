import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { GetSnapshotResponseSchema } from '@sluice/proto/access/v1/access';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { KeyDirectory } from './key-directory.ts';

const PEPPER = Buffer.alloc(32, 1);
const hashOf = (secret: string): Buffer => createHmac('sha256', PEPPER).update(secret).digest();

function loaded(): KeyDirectory {
  const directory = new KeyDirectory();
  directory.load(
    create(GetSnapshotResponseSchema, {
      pepper: PEPPER,
      projects: [{ project: { id: 'p1', name: 'one' }, dataKeys: [{ id: 'new', key: Buffer.alloc(32, 2) }, { id: 'old', key: Buffer.alloc(32, 3) }] }],
      keys: [{ id: 'k1', keyedHash: hashOf('secret one') }],
      limits: [{ level: 3, subjectId: 'k1', limits: { requestsPerMinute: 7n } }],
      parameterRules: [{ organisationId: 'o1', rules: [{ id: 'r1', parameter: 'n', max: 2 }] }],
    }),
  );
  return directory;
}

describe('the key directory', () => {
  it('finds a key by its secret, again and again, and no other', () => {
    const directory = loaded();
    for (let round = 0; round < 2; round++) {
      expect(directory.find('secret one')?.id).toBe('k1');
      expect(directory.find('secret two')).toBeUndefined();
    }
  });

  it('shows a change at once, also of a key that was asked for before', () => {
    const directory = loaded();
    expect(directory.find('secret one')?.revokedAtMs).toBe(0n);
    expect(directory.find('secret two')).toBeUndefined();
    directory.apply(create(AccessChangedSchema, { change: { case: 'key', value: { id: 'k1', keyedHash: hashOf('secret one'), revokedAtMs: 5n } } }));
    directory.apply(create(AccessChangedSchema, { change: { case: 'key', value: { id: 'k2', keyedHash: hashOf('secret two') } } }));
    expect(directory.find('secret one')?.revokedAtMs).toBe(5n);
    expect([directory.key('k1')?.revokedAtMs, directory.key('k3')]).toEqual([5n, undefined]);
    expect(directory.find('secret two')?.id).toBe('k2');
  });

  it('seals with the first data key, and says when it needs one', () => {
    const directory = loaded();
    expect(directory.sealingKey('p1')?.id).toBe('new');
    expect(directory.apply(create(AccessChangedSchema, { change: { case: 'project', value: { id: 'p1', name: 'renamed' } } }))).toBe(true);
    expect(directory.project('p1')?.name).toBe('renamed');
    expect(directory.apply(create(AccessChangedSchema, { change: { case: 'project', value: { id: 'p2' } } }))).toBe(false);
    expect(directory.sealingKey('p2')).toBeUndefined();
  });

  it('follows limits, and has none where all were removed', () => {
    const directory = loaded();
    expect(directory.limits('k1')).toEqual({ requestsPerMinute: 7, tokensPerMinute: 0, concurrentRequests: 0, requestsPerDay: 0 });
    expect(directory.limits('k2')).toBeUndefined();
    directory.apply(create(AccessChangedSchema, { change: { case: 'limits', value: { level: 1, subjectId: 'o1', limits: { tokensPerMinute: 9n } } } }));
    directory.apply(create(AccessChangedSchema, { change: { case: 'limits', value: { level: 3, subjectId: 'k1', limits: {} } } }));
    expect([directory.limits('o1')?.tokensPerMinute, directory.limits('k1')]).toEqual([9, undefined]);
  });

  it('tells by organisation who has a limit of requests a day', () => {
    const directory = new KeyDirectory();
    const limits = { requestsPerDay: 5n };
    directory.load(create(GetSnapshotResponseSchema, {
      pepper: PEPPER, projects: [{ project: { id: 'p1', organisationId: 'o1' } }], keys: [{ id: 'k1', organisationId: 'o1', projectId: 'p1' }, { id: 'k2', organisationId: 'o2' }],
      limits: [{ level: 1, subjectId: 'o1', limits }, { level: 2, subjectId: 'p1', limits }, { level: 3, subjectId: 'k1', limits: { requestsPerMinute: 5n } }, { level: 3, subjectId: 'k2', limits }],
    }));
    expect([...directory.limitedByDay()]).toEqual([['o1', ['o1', 'p1']], ['o2', ['k2']]]);
    expect([...loaded().limitedByDay()]).toEqual([]);
  });

  it('forgets the limits of a key with the key', () => {
    const directory = loaded();
    directory.apply(create(AccessChangedSchema, { change: { case: 'key', value: { id: 'k1', keyedHash: hashOf('secret one'), revokedAtMs: 5n } } }));
    expect(directory.limits('k1')).toBeUndefined();
  });

  it('follows parameter rules, each of its organisation, by its id', () => {
    const directory = loaded();
    const put = (organisationId: string, id: string, max: number): boolean => directory.apply(create(AccessChangedSchema, { organisationId, change: { case: 'parameterRule', value: { id, parameter: 'n', max } } }));
    const rules = (organisationId: string) => directory.parameterRules(organisationId)?.map(({ id, max }) => [id, max]);
    put('o1', 'r1', 3);
    put('o1', 'r2', 4);
    put('o2', 'r3', 5);
    expect([rules('o1'), rules('o2')]).toEqual([[['r1', 3], ['r2', 4]], [['r3', 5]]]);
    for (const id of ['r1', 'r2']) directory.apply(create(AccessChangedSchema, { organisationId: 'o1', change: { case: 'removedParameterRuleId', value: id } }));
    expect([rules('o1'), rules('o2')]).toEqual([undefined, [['r3', 5]]]);
  });

  it('knows nobody before it is loaded', () => {
    expect(new KeyDirectory().find('secret one')).toBeUndefined();
  });
});
