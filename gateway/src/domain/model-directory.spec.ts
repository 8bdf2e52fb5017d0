import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import { DeploymentState, GetSnapshotResponseSchema, Placement, Protocol } from '@sluice/proto/model_registry/v1/model_registry';
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
    expect(directory.resolve(PRINCIPAL, 'small')).toEqual({ state: 'usable', modelId: 'm1', modelName: 'small', leavesHouse: false, showsOutput: false, servedBy: ' d1' });
    expect(directory.resolve(PRINCIPAL, 'chat')).toEqual({ state: 'usable', modelId: 'm1', modelName: 'small', leavesHouse: false, showsOutput: false, servedBy: ' d1' });
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
    expect(directory.resolve(PRINCIPAL, 'chat')).toEqual({ state: 'usable', modelId: 'm1', modelName: 'small', leavesHouse: true, showsOutput: false, servedBy: ' d1 d2' });
    directory.apply(create(RegistryChangedSchema, { organisationId: 'o', deployments: [{ ...outside, state: DeploymentState.REMOVED }] }));
    expect(directory.resolve(PRINCIPAL, 'chat')).toEqual({ state: 'usable', modelId: 'm1', modelName: 'small', leavesHouse: false, showsOutput: false, servedBy: ' d1' });
  });

  it('says that output is seen as it comes where every deployment that is not removed speaks the protocol that shows it', () => {
    const directory = loaded();
    const shown = (): boolean | undefined => {
      const view = directory.resolve(PRINCIPAL, 'chat');
      return view.state === 'usable' ? view.showsOutput : undefined;
    };
    const apply = (id: string, protocol: Protocol, state = DeploymentState.ACTIVE): void => directory.apply(create(RegistryChangedSchema, { organisationId: 'o', deployments: [{ id, versionId: 'v1', protocol, state }] }));
    apply('d1', Protocol.KSERVE);
    expect(shown()).toBe(true);
    apply('d2', Protocol.OPENAI);
    expect(shown()).toBe(false);
    apply('d2', Protocol.OPENAI, DeploymentState.REMOVED);
    expect(shown()).toBe(true);
  });

  it('forgets what is removed', () => {
    const directory = loaded();
    directory.apply(create(RegistryChangedSchema, { organisationId: 'o', removedAliasNames: ['chat'] }));
    expect(directory.resolve(PRINCIPAL, 'chat').state).toBe('unknown');
    directory.apply(create(RegistryChangedSchema, { organisationId: 'o', removedModelIds: ['m1'] }));
    expect(directory.list(PRINCIPAL)).toEqual([]);
  });
});
