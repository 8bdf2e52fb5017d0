import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import type { AccessChanged } from '@sluice/proto/events/v1/changes';
import type { ApiKey, GetSnapshotResponse, Project, ProjectSecrets, SubjectLimits } from '@sluice/proto/access/v1/access';
import type { SealingKey } from '@sluice/segment';
import { limitsOf, type Limits, type LimitSource } from './limits/limits.ts';
import type { ParameterRule, RuleSource } from './parameters/parameter-rules.ts';

/** Secrets remembered by their plain digest; beyond it the oldest is forgotten and costs a keyed hash again. */
const REMEMBERED_LIMIT = 10_000;

interface KnownProject {
  readonly project: Project;
  readonly sealing: SealingKey | undefined;
}

/** Keys, projects, limits and parameter rules as the access service last told them. Holds no secret of a key, only what recognises one. */
export class KeyDirectory implements LimitSource, RuleSource {
  #pepper: KeyObject | undefined;
  readonly #keys = new Map<string, ApiKey>();
  readonly #idByKeyedHash = new Map<string, string>();
  readonly #projects = new Map<string, KnownProject>();
  /** Plain SHA-256 of a secret to the id of its key; a keyed hash costs four times as much. */
  readonly #remembered = new Map<string, string>();

  /** By the id of the organisation, project or key. */
  readonly #limits = new Map<string, Limits>();
  /** By organisation; none of them is empty. */
  readonly #rules = new Map<string, readonly ParameterRule[]>();

  load(snapshot: GetSnapshotResponse): void {
    this.#keys.clear();
    this.#idByKeyedHash.clear();
    this.#projects.clear();
    this.#remembered.clear();
    this.#limits.clear();
    this.#rules.clear();
    this.#pepper = createSecretKey(snapshot.pepper);
    for (const secrets of snapshot.projects) this.putSecrets(secrets);
    for (const key of snapshot.keys) this.#putKey(key);
    for (const limits of snapshot.limits) this.#putLimits(limits);
    for (const { organisationId, rules } of snapshot.parameterRules) this.#putRules(organisationId, rules);
  }

  /** Applies one change. False when it names a project whose data keys must be asked for. */
  apply({ organisationId, change }: AccessChanged): boolean {
    if (change.case === 'project') return this.#putProject(change.value);
    if (change.case === 'key') this.#putKey(change.value);
    else if (change.case === 'limits') this.#putLimits(change.value);
    else if (change.case === 'parameterRule') this.#putRules(organisationId, [...this.#rulesWithout(organisationId, change.value.id), change.value]);
    else if (change.case === 'removedParameterRuleId') this.#putRules(organisationId, this.#rulesWithout(organisationId, change.value));
    return true;
  }

  #putProject(project: Project): boolean {
    const known = this.#projects.get(project.id);
    this.#projects.set(project.id, { project, sealing: known?.sealing });
    return known?.sealing !== undefined;
  }

  putSecrets({ project, dataKeys }: ProjectSecrets): void {
    if (!project) return;
    const first = dataKeys[0];
    this.#projects.set(project.id, { project, sealing: first && { id: first.id, key: createSecretKey(first.key) } });
  }

  /** The key with this secret, whatever its state; undefined when nobody has it. */
  find(secret: string): ApiKey | undefined {
    const digest = hash('sha256', secret, 'base64');
    const id = this.#remembered.get(digest) ?? this.#recognise(secret, digest);
    return id === undefined ? undefined : this.#keys.get(id);
  }

  /** The key with this id, whatever its state; undefined when there is none any more. */
  key(id: string): ApiKey | undefined {
    return this.#keys.get(id);
  }

  project(id: string): Project | undefined {
    return this.#projects.get(id)?.project;
  }

  /** The key that seals a project's bodies, when it is known here. */
  sealingKey(projectId: string): SealingKey | undefined {
    return this.#projects.get(projectId)?.sealing;
  }

  limits(subjectId: string): Limits | undefined {
    return this.#limits.get(subjectId);
  }

  /** Who has a limit of requests a day, by organisation. */
  limitedByDay(): ReadonlyMap<string, readonly string[]> {
    const found = new Map<string, string[]>();
    for (const [id, { requestsPerDay }] of this.#limits) {
      if (requestsPerDay === 0) continue;
      const organisationId = this.#keys.get(id)?.organisationId ?? this.#projects.get(id)?.project.organisationId ?? id;
      const subjects = found.get(organisationId) ?? [];
      subjects.push(id);
      found.set(organisationId, subjects);
    }
    return found;
  }

  parameterRules(organisationId: string): readonly ParameterRule[] | undefined {
    return this.#rules.get(organisationId);
  }

  #putLimits({ subjectId, limits: message }: SubjectLimits): void {
    const limits = limitsOf(message);
    if (limits) this.#limits.set(subjectId, limits);
    else this.#limits.delete(subjectId);
  }

  #rulesWithout(organisationId: string, ruleId: string): readonly ParameterRule[] {
    return (this.#rules.get(organisationId) ?? []).filter(({ id }) => id !== ruleId);
  }

  #putRules(organisationId: string, rules: readonly ParameterRule[]): void {
    if (rules.length > 0) this.#rules.set(organisationId, rules);
    else this.#rules.delete(organisationId);
  }

  #recognise(secret: string, digest: string): string | undefined {
    if (!this.#pepper) return undefined;
    const id = this.#idByKeyedHash.get(createHmac('sha256', this.#pepper).update(secret, 'utf8').digest('base64'));
    if (id === undefined) return undefined;
    if (this.#remembered.size >= REMEMBERED_LIMIT) this.#remembered.delete(this.#remembered.keys().next().value!);
    this.#remembered.set(digest, id);
    return id;
  }

  #putKey(key: ApiKey): void {
    this.#keys.set(key.id, key);
    if (key.revokedAtMs !== 0n) this.#limits.delete(key.id);
    if (key.keyedHash.length > 0) this.#idByKeyedHash.set(Buffer.from(key.keyedHash).toString('base64'), key.id);
  }
}
