import type { Role } from './role.ts';

/** An inference key belongs to a project, an admin key to the organisation. */
export type KeyKind = 'inference' | 'admin';

/** A key as it is kept: what recognises the secret, never the secret. */
export interface ApiKey {
  readonly id: string;
  readonly organisationId: string;
  readonly kind: KeyKind;
  /** Of an inference key. */
  readonly projectId: string | undefined;
  /** Of an admin key. */
  readonly role: Role | undefined;
  readonly name: string;
  readonly prefix: string;
  /** HMAC-SHA-256 of the secret under the pepper. */
  readonly keyedHash: Uint8Array;
  /** Names that the key may call; empty: every model. */
  readonly models: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
}

/** True when the key opens a door at this time. */
export function isLive(key: ApiKey, nowMs: number): boolean {
  return key.revokedAtMs === undefined && (key.expiresAtMs === undefined || key.expiresAtMs > nowMs);
}
