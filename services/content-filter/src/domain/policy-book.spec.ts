import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { recordingLogger } from '@sluice/testkit';
import { rule } from '../testing/rules.ts';
import { ScriptedCompiler } from '../testing/scripted-compiler.ts';
import type { RulesInForce } from './ports.ts';
import { PolicyBook } from './policy-book.ts';

const away = expect.objectContaining({ code: 'content_filter_unavailable' });

async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
}

/** A book of one organisation whose rules are what the test says. */
class Bench {
  readonly clock = new ManualClock();
  readonly compiler = new ScriptedCompiler();
  readonly logged: string[] = [];
  rules: RulesInForce = { version: 1n, rules: [rule('badger')] };
  reads = 0;
  /** What need not have been read at the last time. */
  known: string[] = [];
  hears = true;
  beforeRead: (organisationId: string) => Promise<void> = () => Promise.resolve();
  readonly book = new PolicyBook({
    compiler: this.compiler,
    readRules: async (organisationId, known) => {
      this.reads++;
      this.known = [...known.keys()];
      await this.beforeRead(organisationId);
      return this.rules;
    },
    hearsChanges: () => this.hears,
    clock: this.clock,
    logger: recordingLogger(this.logged),
  });

  /** Words that calls of the project are refused for now. */
  blocked(...words: string[]): string[] {
    const policy = this.book.of('org', 'project');
    return words.filter((word) => policy.open('in').push(word).blockedBy !== undefined);
  }

  /** As at a start: the organisation has rules. */
  load(version = 1n): void {
    this.book.loaded(new Map([['org', version]]));
  }

  of = () => this.book.of('org', 'project');
}

describe('the policy book', () => {
  it('lets everything pass in an organisation that never had a rule', async () => {
    const { book } = new Bench();
    expect(() => book.of('other', 'project')).toThrow(away);
    book.loaded(new Map());
    expect(book.of('other', 'project')).toMatchObject({ version: 0n, filtersInput: false, filtersOutput: false });
    expect(book.health()).toEqual({ status: 'ok' });
  });

  it('goes on letting everything pass while the first rule of an organisation is built', async () => {
    const bench = new Bench();
    bench.book.loaded(new Map());
    const gate = Promise.withResolvers<void>();
    bench.compiler.before = () => gate.promise;
    bench.book.heard('org', 1n);
    await settle();
    expect([bench.of().version, bench.blocked('badger'), bench.book.health().status]).toEqual([0n, [], 'ok']);
    gate.resolve();
    await bench.book.settled();
    expect(bench.blocked('badger')).toEqual(['badger']);
  });

  it('lets nothing pass while the rules are being loaded', async () => {
    const bench = new Bench();
    bench.load();
    expect(bench.of).toThrow(away);
    expect(bench.book.health()).toMatchObject({ status: 'degraded', detail: expect.stringContaining('1 organisation') });
    await bench.book.settled();
    expect([bench.blocked('badger', 'otter'), bench.of().version, bench.book.health()]).toEqual([['badger'], 1n, { status: 'ok' }]);
  });

  it('goes on with the old version while the new one is built, then swaps it whole; a call keeps its own', async () => {
    const bench = new Bench();
    bench.load();
    await bench.book.settled();
    const pinned = bench.of();
    const gate = Promise.withResolvers<void>();
    bench.compiler.before = () => gate.promise;
    bench.rules = { version: 2n, rules: [rule('otter')] };
    bench.book.heard('org', 2n);
    await settle();
    expect([bench.blocked('badger', 'otter'), bench.of().version]).toEqual([['badger'], 1n]);
    gate.resolve();
    await bench.book.settled();
    expect([bench.blocked('badger', 'otter'), bench.of().version, bench.known]).toEqual([['otter'], 2n, ['badger']]);
    expect([pinned.version, pinned.open('out').push('a badger').blockedBy, pinned.open('out').push('an otter').blockedBy]).toEqual([1n, 0, undefined]);
  });

  it('builds changes that come meanwhile in one', async () => {
    const bench = new Bench();
    const gate = Promise.withResolvers<void>();
    bench.beforeRead = () => gate.promise;
    bench.load();
    await settle();
    for (let version = 2n; version <= 50n; version++) bench.book.heard('org', version);
    bench.rules = { version: 50n, rules: [rule('otter')] };
    gate.resolve();
    await bench.book.settled();
    expect([bench.reads, bench.of().version]).toEqual([1, 50n]);
    bench.book.heard('org', 49n);
    await bench.book.settled();
    expect(bench.reads).toBe(1);
  });

  it('tells who added a rule when it is in force', async () => {
    const bench = new Bench();
    bench.load();
    await bench.book.settled();
    const gate = Promise.withResolvers<void>();
    bench.compiler.before = () => gate.promise;
    bench.rules = { version: 2n, rules: [rule('otter')] };
    let reached = false;
    const waiting = bench.book.reached('org', 2n).then(() => (reached = true));
    await settle();
    expect(reached).toBe(false);
    gate.resolve();
    await waiting;
    expect(bench.blocked('otter')).toEqual(['otter']);
    await bench.book.reached('org', 1n);
  });

  it.each(['read', 'compiled'])('lets nothing pass when rules cannot be %s, and tries until they can', async (what) => {
    const bench = new Bench();
    bench.load();
    await bench.book.settled();
    const broken = (): Promise<void> => Promise.reject(new Error('power cut'));
    if (what === 'read') bench.beforeRead = broken;
    else bench.compiler.before = broken;
    bench.rules = { version: 2n, rules: [rule('otter')] };
    const told = bench.book.reached('org', 2n);
    await expect(told).rejects.toEqual(away);
    await expect(told).rejects.toThrow(/kept/);
    expect(bench.of).toThrow(away);
    expect(bench.book.health()).toMatchObject({ status: 'degraded', detail: expect.stringContaining('the rules of 1 organisation could not') });
    for (const wait of [100, 200, 400]) {
      bench.clock.advance(wait);
      await settle();
      expect(bench.of).toThrow(away);
    }
    expect(bench.reads).toBe(5);
    // Another organisation is not touched by it.
    expect(bench.book.of('other', 'project').version).toBe(0n);
    bench.beforeRead = bench.compiler.before = () => Promise.resolve();
    bench.clock.advance(800);
    await bench.book.settled();
    expect([bench.blocked('otter'), bench.book.health().status]).toEqual([['otter'], 'ok']);
    expect(bench.logged.join()).not.toContain('otter');
  });

  it('tries again at once when there is a change, which may be the mend', async () => {
    const bench = new Bench();
    bench.beforeRead = () => Promise.reject(new Error('power cut'));
    bench.load();
    await settle();
    expect(bench.of).toThrow(away);
    bench.beforeRead = () => Promise.resolve();
    bench.rules = { version: 2n, rules: [rule('otter')] };
    await bench.book.reached('org', 2n);
    expect(bench.blocked('otter')).toEqual(['otter']);
  });

  it('takes rules that are older than what it heard of for none', async () => {
    const bench = new Bench();
    bench.load(2n);
    await settle();
    expect(bench.of).toThrow(away);
    bench.rules = { version: 2n, rules: [] };
    bench.clock.advance(100);
    await bench.book.settled();
    expect(bench.of().filtersInput).toBe(false);
  });

  it('gives up a build that hangs, and lets nothing pass meanwhile', async () => {
    const bench = new Bench();
    bench.compiler.before = () => new Promise(() => undefined);
    bench.load();
    const told = bench.book.reached('org', 1n);
    const refused = expect(told).rejects.toThrow(/takes long/);
    await settle();
    bench.clock.advance(12_000);
    await refused;
    bench.clock.advance(107_999);
    await settle();
    expect(bench.book.health()).toMatchObject({ detail: expect.stringContaining('being loaded') });
    bench.clock.advance(1);
    await settle();
    expect(bench.book.health()).toMatchObject({ detail: expect.stringContaining('could not be loaded') });
    bench.compiler.before = () => Promise.resolve();
    bench.clock.advance(100);
    await bench.book.settled();
    expect(bench.blocked('badger')).toEqual(['badger']);
  });

  it('goes on with the old rules while a build takes long, and with nothing else', async () => {
    const bench = new Bench();
    bench.load();
    await bench.book.settled();
    const gate = Promise.withResolvers<void>();
    bench.compiler.before = () => gate.promise;
    bench.rules = { version: 2n, rules: [rule('badger'), rule('otter')] };
    bench.book.heard('org', 2n);
    for (let second = 0; second < 100; second++) {
      bench.clock.advance(1_000);
      await settle();
      expect([bench.blocked('badger', 'otter'), bench.book.health().status]).toEqual([['badger'], 'ok']);
    }
    gate.resolve();
    await bench.book.settled();
    expect(bench.blocked('badger', 'otter')).toEqual(['badger', 'otter']);
  });

  it('compiles a rule before it is kept, beside those of its place, and does not compile that again', async () => {
    const bench = new Bench();
    bench.rules = { version: 1n, rules: [rule('badger'), rule('stoat', { projectId: 'project' })] };
    bench.load();
    await bench.book.settled();
    bench.compiler.compiled.length = 0;
    const added = rule('otter', { projectId: 'project' });
    const forget = await bench.book.rehearse(added, Infinity, async () => undefined);
    expect([bench.compiler.compiled, bench.blocked('otter')]).toEqual([['stoat,otter'], []]);
    bench.rules = { version: 2n, rules: [...bench.rules.rules, added] };
    await bench.book.reached('org', 2n);
    forget();
    expect([bench.compiler.compiled, bench.blocked('otter', 'stoat', 'badger')]).toEqual([['stoat,otter'], ['otter', 'stoat', 'badger']]);
  });

  it('keeps what it compiled of a rule until the version that has it is built, and rehearses the next one beside it', async () => {
    const bench = new Bench();
    bench.load();
    await bench.book.settled();
    const forget = await bench.book.rehearse(rule('otter'), Infinity, async () => undefined);
    bench.compiler.compiled.length = 0;
    const gate = Promise.withResolvers<void>();
    bench.beforeRead = () => gate.promise;
    bench.rules = { version: 2n, rules: [...bench.rules.rules, rule('otter')] };
    forget(2n);
    const next = bench.book.rehearse(rule('stoat'), Infinity, async () => undefined);
    gate.resolve();
    (await next)();
    expect([bench.compiler.compiled, bench.blocked('otter')]).toEqual([['badger,otter,stoat'], ['otter']]);
  });

  it('rehearses a rule behind the rules in force that are just being loaded, as long as somebody waits for it', async () => {
    const bench = new Bench();
    const gate = Promise.withResolvers<void>();
    bench.beforeRead = () => gate.promise;
    bench.load();
    const untilMs = bench.clock.monotonicMs() + 1_000;
    const late = expect(bench.book.rehearse(rule('stoat'), untilMs, async () => undefined)).rejects.toEqual(away);
    await settle();
    bench.clock.advance(1_000);
    await late;
    const rehearsed = bench.book.rehearse(rule('otter'), Infinity, async () => undefined);
    gate.resolve();
    (await rehearsed)();
    expect(bench.compiler.compiled).toEqual(['badger', 'badger,otter']);
  });

  it('refuses a rule that takes too long to compile, or has no room, and calls go on', async () => {
    const bench = new Bench();
    bench.load();
    await bench.book.settled();
    let given: AbortSignal | undefined;
    bench.compiler.before = () => new Promise(() => undefined);
    const late = expect(bench.book.rehearse(rule('otter'), Infinity, async (signal) => void (given = signal))).rejects.toMatchObject({ code: 'invalid_value', param: 'patterns', message: expect.stringContaining('make the list shorter') });
    await settle();
    expect(given?.aborted).toBe(false);
    bench.clock.advance(8_000);
    await late;
    expect(given?.aborted).toBe(true);
    bench.compiler.before = () => Promise.reject(new ServiceError('invalid_value', 'No room.', { param: 'patterns' }));
    await expect(bench.book.rehearse(rule('otter'), Infinity, async () => undefined)).rejects.toThrow('No room.');
    await expect(bench.book.rehearse(rule('otter'), Infinity, () => Promise.reject(new Error('first')))).rejects.toThrow('first');
    expect([bench.blocked('badger', 'otter'), bench.book.health().status, bench.of().version]).toEqual([['badger'], 'ok', 1n]);
  });

  it('says that it is busy when a rule waited too long for its turn, or had too little time left behind it, and refuses none for that', async () => {
    const bench = new Bench();
    bench.load();
    await bench.book.settled();
    const gates = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
    let begun = 0;
    bench.compiler.before = () => gates[begun++]?.promise ?? new Promise(() => undefined);
    const busy = expect.objectContaining({ code: 'overloaded', httpStatus: 503, retryAfterSeconds: 15 });
    const rehearse = (untilMs: number): Promise<() => void> => bench.book.rehearse(rule('otter'), untilMs, async () => undefined);
    const running = [rehearse(9_000), rehearse(9_000)];
    const waiting = [rehearse(5_000), rehearse(9_000)].map((promise) => expect(promise).rejects.toEqual(busy));
    await settle();
    bench.clock.advance(5_000);
    await waiting[0];
    gates[0]!.resolve();
    await running[0];
    await settle();
    // The last has begun, and has four seconds of its eight.
    expect(begun).toBe(3);
    gates[1]!.resolve();
    await running[1];
    bench.clock.advance(4_000);
    await waiting[1];
    bench.compiler.before = () => Promise.resolve();
    (await rehearse(20_000))();
    expect(bench.blocked('badger', 'otter')).toEqual(['badger']);
  });

  it('rehearses nothing while the rules in force are not known, and the first rule of an organisation', async () => {
    const bench = new Bench();
    await expect(bench.book.rehearse(rule('otter'), Infinity, async () => undefined)).rejects.toEqual(away);
    bench.beforeRead = () => Promise.reject(new Error('power cut'));
    bench.load();
    await settle();
    await expect(bench.book.rehearse(rule('otter'), Infinity, async () => undefined)).rejects.toEqual(away);
    const forget = await bench.book.rehearse(rule('stoat', { organisationId: 'other' }), Infinity, async () => undefined);
    forget();
    expect([bench.compiler.compiled, bench.book.of('other', 'project').version]).toEqual([['stoat'], 0n]);
  });

  it('lets nothing pass when changes are not heard', async () => {
    const bench = new Bench();
    bench.load();
    await bench.book.settled();
    bench.hears = false;
    expect(bench.of).toThrow(away);
    expect(bench.book.health().status).toBe('down');
    expect(() => bench.book.of('other', 'project')).toThrow(away);
    bench.hears = true;
    expect(bench.blocked('badger')).toEqual(['badger']);
  });

  it('tells when everything was tried, whether or not it could be built', async () => {
    const bench = new Bench();
    bench.beforeRead = (organisationId) => (organisationId === 'org 3' ? Promise.reject(new Error('power cut')) : Promise.resolve());
    bench.book.loaded(new Map(Array.from({ length: 5 }, (_, index) => [`org ${index}`, 1n])));
    await bench.book.tried();
    expect([bench.reads, bench.book.health()]).toEqual([5, { status: 'degraded', detail: 'the rules of 1 organisation could not be loaded; calls of these are refused' }]);
    await bench.book.stop();
  });

  it('loads many organisations, two at a time', async () => {
    const bench = new Bench();
    let atOnce = 0;
    let most = 0;
    bench.beforeRead = async () => {
      most = Math.max(most, ++atOnce);
      await settle();
      atOnce--;
    };
    bench.book.loaded(new Map(Array.from({ length: 20 }, (_, index) => [`org ${index}`, 1n])));
    await bench.book.settled();
    expect([most, bench.reads, bench.book.health().status]).toEqual([2, 20, 'ok']);
    expect(bench.book.of('org 7', 'project').version).toBe(1n);
  });

  it('stops, also in the middle of a build', async () => {
    const bench = new Bench();
    bench.compiler.before = () => new Promise(() => undefined);
    bench.load();
    await settle();
    const told = expect(bench.book.reached('org', 1n)).rejects.toMatchObject({ code: 'draining' });
    await bench.book.stop();
    await told;
    expect(bench.of).toThrow(away);
  });

  it('stops, also between two attempts', async () => {
    const bench = new Bench();
    bench.beforeRead = () => Promise.reject(new Error('power cut'));
    bench.load();
    await settle();
    await bench.book.stop();
    const { reads } = bench;
    bench.clock.advance(60_000);
    await settle();
    expect(bench.reads).toBe(reads);
  });
});
