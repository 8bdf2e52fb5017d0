import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { End, Fact, Item, OpenCall } from './call.ts';
import { NO_COUNTS, NO_HOLD, NO_PRICES } from './call.ts';
import { integrate, type Known, type Plan } from './integrate.ts';

const NOW_MS = 1_700_000_123_456;
const context = { nowMs: NOW_MS, randomBytes: (length: number) => Buffer.alloc(length, 4) };
const end = (status: End['status']): End => ({ status, errorCode: '', httpStatus: 200, endedAtMs: 1_700_000_000_000n, counts: NO_COUNTS, outputBytes: 9n, versionId: 'v', deploymentId: 'd', durationMs: 1, firstOutputMs: 1, costNano: 7n, overrunNano: 0n, cutBy: '' });
const caller = { organisationId: 'org', projectId: 'proj', keyId: 'key', model: 'm' };

function factOf(kind: Fact['kind'], callId: string, step: number): Fact {
  switch (kind) {
    case 'admitted': return { kind, callId, caller, stream: true, admittedAtMs: 1n, outputChain: Buffer.alloc(32), prices: NO_PRICES, hold: NO_HOLD };
    case 'output': return { kind, callId, counts: { ...NO_COUNTS, outputTokens: BigInt(step) }, outputBytes: BigInt(step), outputChain: Buffer.alloc(32, step), hold: undefined };
    case 'completed': return { kind, callId, end: end('answered'), commitments: [] };
    case 'refused': return { kind, callId, caller, end: end('refused'), commitments: [] };
    case 'fragment': case 'unknown': return { kind, callId };
  }
}

/** What the tables would hold after the plans so far: the model that integrates batches against each other. */
class Tables {
  readonly open = new Map<string, OpenCall>();
  readonly ends = new Map<string, string>();
  readonly places = new Map<string, bigint[]>();
  readonly leaves: string[] = [];
  readonly counted = new Map<string, bigint>();
  readonly abandoned: string[] = [];
  strays = 0;

  known(items: readonly Item[]): Known {
    const ids = new Set(items.flatMap((item) => (item.kind === 'segment' ? item.facts.map(({ callId }) => callId) : [])));
    const closing = items.flatMap((item) => (item.kind === 'closed' ? [item.place] : []));
    const ends = closing.flatMap(({ producer, epoch }) => (this.counted.has(`${producer} ${epoch}`) ? [{ producer, epoch, ends: this.counted.get(`${producer} ${epoch}`)! }] : []));
    const isClosing = (call: OpenCall): boolean => closing.some(({ producer, epoch }) => producer === call.producer && epoch === call.epoch);
    return { open: [...this.open.values()].filter((call) => ids.has(call.callId) || isClosing(call)), ended: new Set([...this.ends.keys()].filter((id) => ids.has(id))), ends };
  }

  apply(plan: Plan): void {
    for (const one of [...plan.newCalls, ...plan.changedCalls.map((changed) => ({ ...changed, seqs: [] }))]) {
      const { callId } = one.call;
      if (one.end) {
        // An end is final, and each has a leaf of its own.
        expect(this.ends.has(callId)).toBe(false);
        this.ends.set(callId, `${one.end.status} ${one.call.outputBytes} leaf ${this.leaves.length + one.end.leaf}`);
        this.open.delete(callId);
      } else {
        this.open.set(callId, one.call);
      }
      if (one.seqs.length > 0) this.#place({ ...one.call, seqs: one.seqs });
    }
    for (const part of plan.parts) this.#place(part);
    this.leaves.push(...plan.leaves.map(({ type, producer, epoch, seq, ends }) => `${type} ${producer} ${epoch} ${seq}${ends === undefined ? '' : ` of ${ends}`}`));
    for (const { producer, epoch, ends } of plan.ends) this.counted.set(`${producer} ${epoch}`, (this.counted.get(`${producer} ${epoch}`) ?? 0n) + ends);
    for (const { producer, epoch } of plan.closed) this.counted.delete(`${producer} ${epoch}`);
    this.abandoned.push(...plan.abandoned.map(({ callId }) => callId));
    this.strays += plan.strays;
  }

  #place({ callId, producer, epoch, seqs }: { callId: string; producer: string; epoch: bigint; seqs: readonly bigint[] }): void {
    const key = `${callId} ${producer} ${epoch}`;
    // A segment that two batches share would be a segment that was taken in twice.
    this.places.set(key, [...(this.places.get(key) ?? []), ...seqs]);
  }

  take(batch: readonly Item[]): void {
    this.apply(integrate(batch, this.known(batch), context));
  }
}

const ids = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(32));
const factArbitrary = fc.tuple(fc.constantFrom<Fact['kind']>('admitted', 'output', 'completed', 'refused', 'fragment'), fc.constantFrom(...ids), fc.nat(200)).map(([kind, id, step]) => factOf(kind, id, step));
const eventArbitrary = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('segment' as const), producer: fc.constantFrom('a', 'b'), facts: fc.array(factArbitrary, { maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('closed' as const), producer: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('late' as const), producer: fc.constantFrom('a', 'b') }) },
);

/** A history as the event log can deliver it: seq dense in each epoch, an epoch ended by its close. */
function historyOf(events: readonly { kind: 'segment' | 'closed' | 'late'; producer: string; facts?: readonly Fact[] }[]): Item[] {
  const heads = new Map<string, { epoch: bigint; seq: bigint }>();
  return events.map(({ kind, producer, facts }): Item => {
    const head = heads.get(producer) ?? { epoch: 1n, seq: 0n };
    if (kind === 'closed') {
      heads.set(producer, { epoch: head.epoch + 1n, seq: 0n });
      return { kind, place: { producer, ...head } };
    }
    heads.set(producer, { ...head, seq: head.seq + 1n });
    const place = { producer, ...head };
    return kind === 'late' ? { kind, place, bytes: Buffer.from('late') } : { kind, place, facts: facts! };
  });
}

function inBatches(items: readonly Item[], cuts: readonly number[]): Tables {
  const tables = new Tables();
  let start = 0;
  for (let turn = 0; start < items.length; turn++) {
    const size = 1 + (cuts[turn % Math.max(1, cuts.length)] ?? 0);
    tables.take(items.slice(start, start + size));
    start += size;
  }
  return tables;
}

describe('integration', () => {
  it('comes to the same whichever way the history is cut into batches', () => {
    fc.assert(fc.property(fc.array(eventArbitrary, { maxLength: 40 }), fc.array(fc.nat(8), { minLength: 1 }), (events, cuts) => {
      const items = historyOf(events);
      const [whole, cut] = [inBatches(items, [items.length]), inBatches(items, cuts)];
      const sorted = <T>(map: Map<string, T>): [string, T][] => [...map].sort(([left], [right]) => (left < right ? -1 : 1));
      expect(sorted(cut.ends).map(([id, text]) => [id, text.replace(/ leaf .*/, '')])).toEqual(sorted(whole.ends).map(([id, text]) => [id, text.replace(/ leaf .*/, '')]));
      expect(sorted(cut.open)).toEqual(sorted(whole.open));
      expect(sorted(cut.places)).toEqual(sorted(whole.places));
      expect(cut.leaves.toSorted()).toEqual(whole.leaves.toSorted());
      expect([cut.strays, cut.abandoned.toSorted()]).toEqual([whole.strays, whole.abandoned.toSorted()]);
    }), { numRuns: 300 });
  });

  it('gives each call one end at most, each end a leaf of its own, and each leaf an end, a close or a segment that does not count', () => {
    fc.assert(fc.property(fc.array(eventArbitrary, { maxLength: 60 }), fc.array(fc.nat(8), { minLength: 1 }), (events, cuts) => {
      const items = historyOf(events);
      const tables = inBatches(items, cuts);
      const leaves = [...tables.ends.values()].map((text) => Number(text.split(' leaf ')[1]));
      expect(new Set(leaves).size).toBe(leaves.length);
      expect(tables.leaves.length).toBe(leaves.length + items.filter(({ kind }) => kind !== 'segment').length);
      for (const [id, text] of tables.ends) {
        const leaf = tables.leaves[Number(text.split(' leaf ')[1])]!;
        expect(leaf.startsWith(text.startsWith('abandoned') ? 'call.abandoned' : text.startsWith('refused') ? 'call.refused' : 'call.completed')).toBe(true);
        expect(tables.open.has(id)).toBe(false);
      }
      expect(tables.abandoned.length).toBe([...tables.ends.values()].filter((text) => text.startsWith('abandoned')).length);
    }), { numRuns: 300 });
  });

  it('leaves no call open in an epoch that was closed', () => {
    fc.assert(fc.property(fc.array(eventArbitrary, { maxLength: 40 }), fc.array(fc.nat(5), { minLength: 1 }), (events, cuts) => {
      const items = [...historyOf(events), ...['a', 'b'].map((producer): Item => ({ kind: 'closed', place: { producer, epoch: 1n + BigInt(events.filter((event) => event.kind === 'closed' && event.producer === producer).length), seq: 9n } }))];
      expect([...inBatches(items, cuts).open.values()]).toEqual([]);
    }), { numRuns: 200 });
  });

  it('states at each close how many ends the epoch has in the log, however the history is cut', () => {
    fc.assert(fc.property(fc.array(eventArbitrary, { maxLength: 60 }), fc.array(fc.nat(8), { minLength: 1 }), (events, cuts) => {
      const { leaves } = inBatches(historyOf(events), cuts);
      for (const close of leaves.filter((leaf) => leaf.startsWith('epoch.closed'))) {
        const [, producer, epoch, , , ends] = close.split(' ');
        expect(leaves.filter((leaf) => leaf.startsWith('call.') && leaf.split(' ')[1] === producer && leaf.split(' ')[2] === epoch)).toHaveLength(Number(ends));
      }
    }), { numRuns: 200 });
  });

  it('abandons with the last durable figures, in the minute of the close, under commitments that hide them', () => {
    const tables = new Tables();
    const place = { producer: 'a', epoch: 1n, seq: 0n };
    tables.take([{ kind: 'segment', place, facts: [factOf('admitted', ids[0]!, 0), factOf('output', ids[0]!, 7)] }]);
    const batch: Item[] = [{ kind: 'segment', place: { ...place, seq: 1n }, facts: [factOf('output', ids[0]!, 12)] }, { kind: 'closed', place: { ...place, seq: 2n } }];
    const plan = integrate(batch, tables.known(batch), context);
    expect(plan.changedCalls[0]!.end).toMatchObject({ status: 'abandoned', outputBytes: 12n, counts: { outputTokens: 12n }, endedAtMs: BigInt(NOW_MS), leaf: 0 });
    expect(plan.abandoned[0]).toMatchObject({ outputChain: Buffer.alloc(32, 12), lastSeq: 1n });
    expect(plan.leaves[0]).toMatchObject({ type: 'call.abandoned', producer: 'a', epoch: 1n, seq: 1n, minuteMs: 1_700_000_100_000 });
    expect(plan.leaves[0]!.commitments.map(({ name }) => name)).toEqual(['call_id', 'organisation_id', 'project_id', 'key_id', 'model', 'counts', 'output_bytes', 'output_chain']);
  });

  it('states which epoch came before, where that is not the number before', () => {
    const closed = (epoch: bigint, preceding?: bigint): Item => ({ kind: 'closed', place: { producer: 'a', epoch, seq: 0n }, ...(preceding !== undefined && { preceding }) });
    const { leaves } = integrate([closed(7n, 0n), closed(8n, 7n), closed(9n), closed(20n, 9n)], { open: [], ended: new Set(), ends: [] }, context);
    expect(leaves.map(({ epoch, after }) => [epoch, after])).toEqual([[7n, 0n], [8n, undefined], [9n, undefined], [20n, 9n]]);
  });

  it('counts what no producer should write and lets it change nothing', () => {
    const place = { producer: 'a', epoch: 1n, seq: 0n };
    const facts = [factOf('output', ids[0]!, 1), factOf('completed', ids[0]!, 1), factOf('admitted', 'no id', 1), factOf('unknown', ids[0]!, 1), factOf('refused', ids[1]!, 1), factOf('refused', ids[1]!, 1), factOf('completed', ids[1]!, 1)];
    const plan = integrate([{ kind: 'segment', place, facts }], { open: [], ended: new Set(), ends: [] }, context);
    expect([plan.strays, plan.leaves.length, plan.newCalls.length, plan.changedCalls.length, plan.parts.length]).toEqual([6, 1, 1, 0, 0]);
  });
});
