import { describe, expect, it } from '@jest/globals';
import { decodeLogEntry, encodeLogEntry } from '@sluice/transparency';
import { actEntry, pruningEntry, type Act } from './acts.ts';
import { saltedHash, openingsOf } from './own-leaf.ts';

const act: Act = { id: 'act_1', organisationId: 'org_1', actorKeyId: 'key_1', actorOrganisationId: 'org_1', action: 'key.created', object: 'api_key:key_2', actedAtMs: 1_700_000_123_456n, detailJson: '{"name":"secret plan"}' };
const seed = Buffer.alloc(32, 8);

describe('the leaf of an act', () => {
  it('stands at the position of its topic and shows nothing but that it happened', () => {
    const entry = actEntry(act, 41n, seed);
    expect(entry).toMatchObject({ type: 'admin.acted', producer: 'admin.acted', epoch: 0n, seq: 41n, minuteMs: 1_700_000_100_000 });
    const bytes = encodeLogEntry(entry);
    for (const clear of ['act_1', 'org_1', 'key_1', 'key.created', 'api_key', 'secret plan']) expect(bytes.includes(clear)).toBe(false);
    expect(decodeLogEntry(bytes).commitments.map(({ name }) => name)).toEqual(['id', 'organisation_id', 'actor_key_id', 'actor_organisation_id', 'action', 'object', 'acted_at_ms', 'detail']);
  });

  it('commits to what was done', () => {
    const opening = openingsOf([['action', 'key.created']], seed)[0]!;
    expect(actEntry(act, 41n, seed).commitments).toContainEqual({ name: 'action', hash: saltedHash(opening.salt, opening.value) });
  });
});

describe('the leaf of retention', () => {
  it('says from when on bodies are kept', () => {
    expect(pruningEntry(1_690_000_000_000, 1_700_000_123_456)).toEqual({ type: 'bodies.pruned', producer: 'audit.retention', epoch: 0n, seq: 1_690_000_000_000n, minuteMs: 1_700_000_100_000, commitments: [] });
  });
});
