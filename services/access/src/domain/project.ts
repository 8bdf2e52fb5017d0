/** What the audit keeps of a call's body. */
export type BodyPolicy = 'sent' | 'original_and_sent' | 'digest';

export interface Organisation {
  readonly id: string;
  readonly name: string;
}

/** Where inference keys, bodies and bills belong. */
export interface Project {
  readonly id: string;
  readonly organisationId: string;
  readonly name: string;
  readonly bodyPolicy: BodyPolicy;
  readonly createdAtMs: number;
}

/** An AES-256 key that seals a project's bodies; unwrapped, so it lives in memory only. */
export interface DataKey {
  readonly id: string;
  readonly key: Buffer;
}
