import { create } from '@bufbuild/protobuf';
import {
  ApiKeySchema, BodyPolicy as BodyPolicyNumber, KeyKind as KeyKindNumber, ProjectSchema, Role as RoleNumber,
  type ApiKey as ApiKeyMessage, type Project as ProjectMessage,
} from '@sluice/proto/access/v1/access';
import type { ApiKey, KeyKind } from '../domain/api-key.ts';
import type { BodyPolicy, Project } from '../domain/project.ts';
import type { Role } from '../domain/role.ts';
import { enumValue } from './enum-value.ts';

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

export function bodyPolicyOf(number: BodyPolicyNumber): BodyPolicy | undefined {
  return enumValue(BODY_POLICIES, number, 'body_policy');
}

export function kindOf(number: KeyKindNumber): KeyKind | undefined {
  return enumValue(KINDS, number, 'kind');
}

export function roleOf(number: RoleNumber): Role | undefined {
  return enumValue(ROLES, number, 'role');
}
