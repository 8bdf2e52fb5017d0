/** An admin key, as far as it matters here. */
export interface AdminKey {
  readonly role: 'owner' | 'member' | 'auditor' | undefined;
  /** 0: never. */
  readonly expiresAtMs: bigint;
  /** 0: not revoked. */
  readonly revokedAtMs: bigint;
}

/** Owners and members change models; nobody else, and nobody whose key is dead. */
export function mayChangeModels(key: AdminKey | undefined, nowMs: number): boolean {
  if (!key || key.revokedAtMs !== 0n) return false;
  if (key.expiresAtMs !== 0n && key.expiresAtMs <= BigInt(nowMs)) return false;
  return key.role === 'owner' || key.role === 'member';
}
