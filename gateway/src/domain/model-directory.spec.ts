import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import { DeploymentState, GetSnapshotResponseSchema, Placement } from '@sluice/proto/model_registry/v1/model_registry';
import { ModelDirectory } from './model-directory.ts';

const PRINCIPAL = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [] as string[], keepsBodies: true };

function loaded(placement = Placement.INSIDE): ModelDirectory {
  const directory = new ModelDirectory();
  directory.load(
    create(GetSnapshotResponseSchema, {
      models: [{ id: 'm1', organisationId: 'o', name: 'small', createdAtMs: 5n }, { id: 'm2', organisationId: 'other', name: 'theirs' }],
      versions: [{ id: 'v1', modelId: 'm1' }],
      deployments: [{ id: 'd1', versionId: 'v1', placement, state: DeploymentState.ACTIVE }],
      aliases: [{ name: 'chat', modelId: 'm1', organisationId: 'o' }],
    }),
  );
  return directory;
}

describe('the model directory', () => {
  it('knows names and aliases of the caller\'s organisation only', () => {
    const directory = loaded();
    expect(directory.resolve(PRINCIPAL, 'small')).toEqual({ state: 'usable', modelId: 'm1', modelName: 'small', leavesHouse: false });
    expect(directory.resolve(PRINCIPAL, 'chat')).toEqual({ state: 'usable', modelId: 'm1', modelName: 'small', leavesHouse: false });
    expect(directory.resolve(PRINCIPAL, 'theirs')).toEqual({ state: 'unknown' });
    expect(directory.list(PRINCIPAL)).toEqual([{ name: 'chat', createdAtMs: 5 }, { name: 'small', createdAtMs: 5 }]);
  });

  it('lets a key use what its list names; a model covers its aliases, an alias only itself', () => {
    const directory = loaded();
    expect(directory.resolve({ ...PRINCIPAL, models: ['small'] }, 'chat').state).toBe('usable');
    expect(directory.resolve({ ...PRINCIPAL, models: ['chat'] }, 'small').state).toBe('not_allowed');
    expect(directory.list({ ...PRINCIPAL, models: ['chat'] }).map(({ name }) => name)).toEqual(['chat']);
  });

  it('says that a prompt may leave as soon as any deployment that is not removed is outside', () => {
    const directory = loaded();
    const outside = { id: 'd2', versionId: 'v1', placement: Placement.EXTERNAL, state: DeploymentState.DRAINING };
    directory.apply(create(RegistryChangedSchema, { organisationId: 'o', deployments: [outside] }));
    expect(directory.resolve(PRINCIPAL, 'chat')).toEqual({ state: 'usable', modelId: 'm1', modelName: 'small', leavesHouse: true });
    directory.apply(create(RegistryChangedSchema, { organisationId: 'o', deployments: [{ ...outside, state: DeploymentState.REMOVED }] }));
    expect(directory.resolve(PRINCIPAL, 'chat')).toEqual({ state: 'usable', modelId: 'm1', modelName: 'small', leavesHouse: false });
  });

  it('forgets what is removed', () => {
    const directory = loaded();
    directory.apply(create(RegistryChangedSchema, { organisationId: 'o', removedAliasNames: ['chat'] }));
    expect(directory.resolve(PRINCIPAL, 'chat').state).toBe('unknown');
    directory.apply(create(RegistryChangedSchema, { organisationId: 'o', removedModelIds: ['m1'] }));
    expect(directory.list(PRINCIPAL)).toEqual([]);
  });
});
