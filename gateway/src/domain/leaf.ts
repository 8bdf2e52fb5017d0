import { commit, type NamedCommitment, type NamedOpening } from '@sluice/segment';
import type { RandomBytes } from './ports.ts';

/** The leaf of a call's end for the transparency log, and what opens its commitments. */
export interface CommittedFields {
  readonly leaf: { commitments: NamedCommitment[] };
  readonly openings: NamedOpening[];
}

/** Commits to each field under a salt of its own, so that one can be shown without the others. */
export function commitToFields(fields: Readonly<Record<string, string | Uint8Array>>, randomBytes: RandomBytes): CommittedFields {
  const commitments: NamedCommitment[] = [];
  const openings: NamedOpening[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const { commitment, opening } = commit(name, value, randomBytes);
    commitments.push(commitment);
    openings.push(opening);
  }
  return { leaf: { commitments }, openings };
}
