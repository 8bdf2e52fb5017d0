import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import {
  ApiKeySchema, BodyPolicy as BodyPolicyNumber, KeyKind as KeyKindNumber, ProjectSchema, Role as RoleNumber,
  type ApiKey as ApiKeyMessage, type Project as ProjectMessage,
} from '@sluice/proto/access/v1/access';
import { AccessChangedSchema, type AccessChanged } from '@sluice/proto/events/v1/changes';
import type { ApiKey, KeyKind } from '../domain/api-key.ts';
import type { Change } from '../domain/ports.ts';
import type { BodyPolicy, Project } from '../domain/project.ts';
import type { Role } from '../domain/role.ts';

const BODY_POLICIES: Readonly<Record<BodyPolicy, BodyPolicyNumber>> = {
  sent: BodyPolicyNumber.SENT,
  original_and_sent: BodyPolicyNumber.ORIGINAL_AND_SENT,
  digest: BodyPolicyNumber.DIGEST,
};
const KINDS: Readonly<Record<KeyKind, KeyKindNumber>> = { inference: KeyKindNumber.INFERENCE, admin: KeyKindNumber.ADMIN };
const ROLES: Readonly<Record<Role, RoleNumber>> = { owner: RoleNumber.OWNER, member: RoleNumber.MEMBER, auditor: RoleNumber.AUDITOR };

export function projectMessage(project: Project): ProjectMessage {
  return create(ProjectSchema, {
    id: project.id,
    organisationId: project.organisationId,
    name: project.name,
    bodyPolicy: BODY_POLICIES[project.bodyPolicy],
    createdAtMs: BigInt(project.createdAtMs),
  });
}

/** A key as replicas need it, with its hash. */
export function keyMessage(key: ApiKey): ApiKeyMessage {
  return create(ApiKeySchema, {
    id: key.id,
    organisationId: key.organisationId,
    projectId: key.projectId ?? '',
    kind: KINDS[key.kind],
    role: key.role ? ROLES[key.role] : RoleNumber.UNSPECIFIED,
    name: key.name,
    prefix: key.prefix,
    keyedHash: Uint8Array.from(key.keyedHash),
    models: [...key.models],
    createdAtMs: BigInt(key.createdAtMs),
    expiresAtMs: BigInt(key.expiresAtMs ?? 0),
    revokedAtMs: BigInt(key.revokedAtMs ?? 0),
  });
}

/** A key as administrators see it: the hash stays in the mesh. */
export function shownKeyMessage(key: ApiKey): ApiKeyMessage {
  return keyMessage({ ...key, keyedHash: new Uint8Array() });
}

/** What replicas hear: a key with its hash, a project without its secrets. */
export function changedMessage(organisationId: string, change: Change): AccessChanged {
  const value = 'key' in change
    ? { case: 'key' as const, value: keyMessage(change.key) }
    : { case: 'project' as const, value: projectMessage(change.project) };
  return create(AccessChangedSchema, { organisationId, change: value });
}

export function bodyPolicyOf(number: BodyPolicyNumber): BodyPolicy | undefined {
  return valueOf(BODY_POLICIES, number, 'body_policy');
}

export function kindOf(number: KeyKindNumber): KeyKind | undefined {
  return valueOf(KINDS, number, 'kind');
}

export function roleOf(number: RoleNumber): Role | undefined {
  return valueOf(ROLES, number, 'role');
}

/** Undefined for "not given"; a number that no contract knows is refused, because it may mean less than we would assume. */
function valueOf<T extends string>(numbers: Readonly<Record<T, number>>, number: number, param: string): T | undefined {
  if (number === 0) return undefined;
  const found = (Object.keys(numbers) as T[]).find((value) => numbers[value] === number);
  if (!found) throw new ServiceError('invalid_value', `\`${param}\` has an unknown value.`, { param });
  return found;
}
