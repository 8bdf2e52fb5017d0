import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import { DeploymentState, GetSnapshotResponseSchema, Placement, Protocol } from '@sluice/proto/model_registry/v1/model_registry';
import { RegistryCopy } from './registry-copy.ts';

const ACTIVE = DeploymentState.ACTIVE;
const snapshot = () =>
  RegistryCopy.of(
    create(GetSnapshotResponseSchema, {
      position: 4n,
      models: [{ id: 'model_1', organisationId: 'org_1', name: 'chat' }, { id: 'model_2', organisationId: 'org_2', name: 'chat' }],
      versions: [{ id: 'ver_1', modelId: 'model_1', digest: 'sha256:d', number: 1 }],
      deployments: [{ id: 'dep_1', versionId: 'ver_1', protocol: Protocol.OPENAI, state: ACTIVE, target: 'http://a/v1', upstreamModel: 'm', placement: Placement.INSIDE, hasCredential: true }],
      credentials: [{ deploymentId: 'dep_1', token: 'secret' }],
    }),
  );
const change = (fields: Parameters<typeof create<typeof RegistryChangedSchema>>[1]) => create(RegistryChangedSchema, { organisationId: 'org_1', ...fields } as never);

describe('the copy of the registry', () => {
  it('knows a model within its organisation only', () => {
    const copy = snapshot();
    expect([copy.knows('org_1', 'model_1'), copy.knows('org_2', 'model_2')]).toEqual([true, true]);
    expect([copy.knows('org_2', 'model_1'), copy.knows('', 'model_1'), copy.knows('org_1', 'model_3')]).toEqual([false, false, false]);
  });

  it('knows what a version of another server takes, and whether the platform loads it', () => {
    const copy = snapshot();
    expect(copy.active()).toMatchObject([{ managed: false, signature: undefined }]);
    const version = { id: 'ver_2', modelId: 'model_1', number: 2, signature: { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1n, 4n] }], outputs: [] } };
    copy.apply(change({ versions: [version], deployments: [{ id: 'dep_2', versionId: 'ver_2', protocol: Protocol.KSERVE, state: ACTIVE, target: 't:8001', managed: true }] }));
    expect(copy.active()[1]).toMatchObject({ target: 't:8001', managed: true, signature: { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }], outputs: [] } });
  });

  it.each([[Placement.INSIDE, 'inside'], [Placement.EXTERNAL, 'external'], [Placement.UNSPECIFIED, 'external']] as const)('takes placement %s for %s', (placement, said) => {
    const copy = snapshot();
    copy.apply(change({ deployments: [{ id: 'dep_1', versionId: 'ver_1', protocol: Protocol.OPENAI, state: ACTIVE, placement }] }));
    expect(copy.active()).toMatchObject([{ id: 'dep_1', placement: said }]);
  });

  it('gives active deployments with their credentials', () => {
    expect(snapshot().active()).toEqual([
      { id: 'dep_1', modelId: 'model_1', versionId: 'ver_1', protocol: 'openai', target: 'http://a/v1', upstreamModel: 'm', weightsPath: '', digest: 'sha256:d', credential: 'secret', placement: 'inside', managed: false, signature: undefined },
    ]);
  });

  it.each([DeploymentState.DRAINING, DeploymentState.REMOVED])('lets no call on a deployment in state %s', (state) => {
    const copy = snapshot();
    copy.apply(change({ deployments: [{ id: 'dep_1', versionId: 'ver_1', protocol: Protocol.OPENAI, state, hasCredential: true }] }));
    expect(copy.active()).toEqual([]);
  });

  it('holds a new deployment back until its credential is known, and says that it has to be read', () => {
    const copy = snapshot();
    const added = change({ deployments: [{ id: 'dep_2', versionId: 'ver_1', protocol: Protocol.OPENAI, state: ACTIVE, hasCredential: true }] });
    expect(copy.apply(added)).toBe(true);
    expect(copy.active().map(({ id }) => id)).toEqual(['dep_1']);
    const plain = change({ deployments: [{ id: 'dep_3', versionId: 'ver_1', protocol: Protocol.KSERVE, state: ACTIVE }] });
    expect(copy.apply(plain)).toBe(false);
    expect(copy.active().map(({ id }) => id)).toEqual(['dep_1', 'dep_3']);
  });

  it('forgets a removed model', () => {
    const copy = snapshot();
    copy.apply(change({ removedModelIds: ['model_1'] }));
    expect([copy.knows('org_1', 'model_1'), copy.knows('org_2', 'model_2')]).toEqual([false, true]);
  });

  it('keeps neither the versions of a removed model nor the credential of a removed deployment', () => {
    const copy = snapshot();
    const again = { id: 'dep_1', versionId: 'ver_1', protocol: Protocol.OPENAI, state: ACTIVE };
    copy.apply(change({ deployments: [{ ...again, state: DeploymentState.REMOVED }] }));
    copy.apply(change({ deployments: [{ ...again, hasCredential: true }] }));
    expect(copy.active()).toEqual([]);
    copy.apply(change({ deployments: [again] }));
    expect(copy.active()).toMatchObject([{ id: 'dep_1', credential: undefined }]);
    copy.apply(change({ removedModelIds: ['model_1'] }));
    expect(copy.active()).toEqual([]);
  });
});
