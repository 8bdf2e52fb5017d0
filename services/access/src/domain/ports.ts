import type { KeyObject } from 'node:crypto';
import type { Clock, Ids } from '@sluice/clock';
import type { AdminAct } from '@sluice/events';
import type { ApiKey } from './api-key.ts';
import type { Level, Limits, SubjectLimits } from './limits.ts';
import type { ParameterRule } from './parameter-rule.ts';
import type { DataKey, Organisation, Project } from './project.ts';

/** What replicas must hear of. An organisation is made before the first replica can ask, so it is no change. */
export type Change =
  | { readonly project: Project }
  | { readonly key: ApiKey }
  | { readonly limits: SubjectLimits }
  | { readonly parameterRule: ParameterRule }
  | { readonly removedParameterRuleId: string };

/** The state as one act sees and changes it. */
export interface ActState {
  /** Makes this the only act of the organisation until it ends. Undefined: there is no such organisation. */
  lockOrganisation(organisationId: string): Promise<Organisation | undefined>;
  /** Makes this the only act at all until it ends, and tells whether there is any organisation. */
  lockEverything(): Promise<{ readonly empty: boolean }>;
  project(organisationId: string, projectId: string): Promise<Project | undefined>;
  key(organisationId: string, keyId: string): Promise<ApiKey | undefined>;
  keyByHash(keyedHash: Uint8Array): Promise<ApiKey | undefined>;
  projectCounts(organisationId: string, name: string): Promise<{ readonly all: number; readonly named: number }>;
  keyCounts(organisationId: string, nowMs: number): Promise<{ readonly unrevoked: number; readonly liveOwners: number }>;
  addOrganisation(organisation: Organisation, createdAtMs: number): Promise<void>;
  addProject(project: Project, dataKey: DataKey): Promise<void>;
  addKey(key: ApiKey): Promise<void>;
  markRevoked(keyId: string, revokedAtMs: number): Promise<void>;
  /** Undefined: nothing is limited. */
  limits(organisationId: string, level: Level, subjectId: string): Promise<Limits | undefined>;
  putLimits(organisationId: string, limits: SubjectLimits): Promise<void>;
  removeLimits(organisationId: string, level: Level, subjectId: string): Promise<void>;
  /** How many rules there are, and the id of the one for the same project, model and parameter. */
  parameterRuleCounts(organisationId: string, same: Omit<ParameterRule, 'id'>): Promise<{ readonly all: number; readonly sameId: string | undefined }>;
  putParameterRule(organisationId: string, rule: ParameterRule, createdAtMs: number): Promise<void>;
  /** Undefined: there was no such rule. */
  removeParameterRule(organisationId: string, ruleId: string): Promise<ParameterRule | undefined>;
  /** Leaves with the act: the change for replicas, if there is one, and the act for the audit. */
  record(act: AdminAct, change?: Change): Promise<void>;
}

/** Where acts happen. */
export interface Acts {
  /** Runs one act: what it writes and what it records commits together, or nothing of it. */
  act<T>(work: (state: ActState) => Promise<T>): Promise<T>;
}

/** What every act needs. */
export interface Administration {
  readonly acts: Acts;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly pepper: KeyObject;
}
