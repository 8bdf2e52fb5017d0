import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { systemClock, systemIds } from '@sluice/clock';
import type { SegmentEntry } from '@sluice/events';
import type { KafkaEventLog } from '@sluice/events/kafka';
import { KAFKA_ROLES } from '@sluice/events/kafka-rights';
import { SegmentReading } from '@sluice/events/kafka-segments';
import { AdminActedSchema, CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { AccessChangedSchema, FilterChangedSchema } from '@sluice/proto/events/v1/changes';
import { silentLogger } from '@sluice/telemetry';
import { plainKafka, until, type ClusterWorld } from './cluster-world.ts';
import { grant } from './granted-rights.ts';

const LONG_MS = 240_000;
const DAY_MS = 86_400_000;
const PASSWORD = 'known-to-two';
const { every, dataPlane, tables, rules, audit, billing, maker, reconcile } = KAFKA_ROLES;

/** One user of each kind of process; `partly` lacks rights. */
export const USERS = ['maker', 'plane', 'owner', 'rules', 'audit', 'billing', 'reader', 'partly', 'stranger'].map((name) => ({ name, password: PASSWORD }));

const described = (entry: SegmentEntry): string => (entry.kind === 'closed' ? `closed ${entry.seq}` : `${entry.kind} ${entry.segment.seq}`);

/** What each kind of process does on a broker that checks rights, with exactly those that are listed for it. */
export function rightsScenarios(at: () => ClusterWorld): void {
  const servers = (username: string) => ({ brokers: [at().secureAddress], tls: at().tls, sasl: { username, password: PASSWORD } });
  const open = (user: string, withDatabase: boolean): Promise<KafkaEventLog> => at().open({ ...servers(user), clientId: user, ...(withDatabase && { database: { url: at().databaseUrl } }) });
  const publish = (log: KafkaEventLog, id: string): Promise<void> => at().sql.transaction(async (transaction) => {
    await log.publish(transaction, AccessChangedSchema, 'org', create(AccessChangedSchema, { organisationId: 'org' }));
    await log.publish(transaction, FilterChangedSchema, 'org', create(FilterChangedSchema, { organisationId: 'org' }));
    await log.publish(transaction, AdminActedSchema, 'org', create(AdminActedSchema, { id, organisationId: 'org' }));
  });

  describe('rights', () => {
    it('are enough for every kind of process as they are listed', async () => {
      const [world, startedMs] = [at(), Date.now()];
      const users = { maker: [every, maker], plane: [every, dataPlane], owner: [every, tables], rules: [every, tables, rules], audit: [every, tables, audit], billing: [every, tables, billing], reader: [reconcile] };
      await Promise.all(Object.entries(users).map(async ([user, roles]) => grant(world, user, roles)));
      await world.close(await open('maker', false));
      await world.close(await open('owner', true));
      // What lies behind the last mark of a relay is read at the next start.
      const producer = plainKafka(world).producer();
      await producer.connect();
      await producer.send({ topic: `${world.prefix}filter.hits`, messages: [{ value: 'no event' }] });
      await producer.disconnect();
      const [plane, owner, ruler, auditor, biller] = await Promise.all([open('plane', false), open('owner', true), open('rules', true), open('audit', true), open('billing', true)]);

      const copied: string[] = [];
      plane.follow(AccessChangedSchema, 0n, { onRecord: ({ position }) => void copied.push(`record ${position}`), onBeat: (head) => void copied.push(`beat ${head}`) });
      const ruled: string[] = [];
      ruler.follow(FilterChangedSchema, 0n, { onRecord: ({ position }) => void ruled.push(`record ${position}`), onBeat: (head) => void ruled.push(`beat ${head}`) });
      const seen: string[] = [];
      const audited = [
        auditor.subscribeSegments('audit', async (transaction, entries) => {
          seen.push(...entries.map((entry) => `audit ${described(entry)}`));
          if (entries.some(({ kind }) => kind === 'closed')) await auditor.publish(transaction, CallAbandonedSchema, 'org', create(CallAbandonedSchema, { callId: 'left' }));
        }),
        auditor.subscribe(AdminActedSchema, 'audit', async (_transaction, { message }) => void seen.push(`audit ${message.id}`), { neverSkips: true }),
      ];
      const billed = [
        biller.subscribeSegments('billing', async (_transaction, entries) => void seen.push(...entries.map((entry) => `billing ${described(entry)}`)), { isSole: true }),
        biller.subscribe(CallAbandonedSchema, 'billing', async (_transaction, { message }) => void seen.push(`billing ${message.callId}`), { neverSkips: true, isSole: true }),
      ];
      const witness = biller.witness!('billing.book');
      const name = plane.producerName('p');
      const epoch = await plane.takeEpoch(name);
      const [, isHeld] = await Promise.all([plane.appendSegment({ producer: name, epoch, seq: 0n, bytes: Buffer.from('sealed') }), witness.holds(1n), plane.renewEpoch(name, epoch), publish(owner, 'act')]);
      expect(isHeld).toBe(true);
      await until(async () => {
        await owner.beat(AccessChangedSchema);
        await ruler.beat(FilterChangedSchema);
        return ['record 1', 'beat 1'].every((told) => copied.includes(told) && ruled.includes(told));
      });
      // Known from its first segment: its beats were before the auditor heard any.
      await until(async () => (await auditor.openEpochs()).some((open) => open.producer === name && open.epoch === epoch));
      expect(await auditor.closeEpoch(name, epoch)).toBe(true);
      await Promise.all(audited.map((one) => one.caughtUp()));
      await Promise.all(billed.map((one) => one.caughtUp()));
      expect(seen.toSorted()).toEqual(['audit act', 'audit closed 1', 'audit segment 0', 'billing closed 1', 'billing left', 'billing segment 0']);
      const read: string[] = [];
      const reader = (): SegmentReading => new SegmentReading({ ...servers('reader'), topicPrefix: world.prefix, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger, signal: AbortSignal.timeout(LONG_MS) });
      const reading = reader();
      await reading.readOn((entries) => read.push(...entries.map(described)));
      expect(read).toEqual(['segment 0', 'closed 1']);
      // What was read is not read again.
      const other = await plane.takeEpoch(name);
      await plane.appendSegment({ producer: name, epoch: other, seq: 0n, bytes: Buffer.from('more') });
      await reading.readOn((entries) => read.push(...entries.map(described)));
      expect(read).toEqual(['segment 0', 'closed 1', 'segment 0']);
      expect([plane, owner, ruler, auditor, biller].map((log) => log.health())).toEqual(Array.from({ length: 5 }, () => ({ status: 'ok' })));

      await Promise.all([...audited, ...billed].map((one) => one.caughtUp()));
      await auditor.prune(Date.now() + 10 * DAY_MS);
      const admin = plainKafka(world).admin();
      await admin.connect();
      const cut = async (topic: string): Promise<number> => (await admin.fetchTopicOffsets(world.prefix + topic)).reduce((sum, { low }) => sum + Number(low), 0);
      expect([await cut('calls'), await cut('admin.acted')]).toEqual([5, 1]);
      await admin.disconnect();
      // A reader that comes now knows that nothing is left to compare with; the other has read all there ever was.
      expect(reading.wholeSinceMs).toBeGreaterThanOrEqual(startedMs);
      const late = reader();
      await late.readOn(() => { throw new Error('there is nothing to read'); });
      expect(late.wholeSinceMs).toBe(Infinity);
      await witness.stop();
    }, LONG_MS);

    it('that are missing are named, wherever one is needed', async () => {
      const world = at();
      await grant(world, 'maker', [every, maker]);
      await grant(world, 'partly', [every, dataPlane, tables, billing], ['Write calls', 'Write access.changed', 'Read calls', 'Read group follow_', 'Read group sole_', 'Read group claim_']);
      const stranger = { code: 'failed_precondition', message: expect.stringContaining('docs/kafka-rights.md lists the rights.') };
      await world.close(await open('maker', false));
      await expect(open('stranger', false)).rejects.toMatchObject(stranger);
      const log = await open('partly', true);
      const witness = log.witness!('billing.book');
      log.follow(AccessChangedSchema, 0n, { onRecord: () => undefined, onBeat: () => undefined });
      log.subscribeSegments('billing', async () => undefined, { isSole: true });
      await publish(log, 'act');
      await Promise.all([
        expect(log.takeEpoch('p')).rejects.toMatchObject({ ...stranger, message: expect.stringContaining('TOPIC_AUTHORIZATION_FAILED') }),
        expect(witness.holds(1n)).rejects.toMatchObject({ ...stranger, message: expect.stringContaining('GROUP_AUTHORIZATION_FAILED') }),
        ...['What is published on access.changed is not sent to Kafka: Kafka does not let this process', 'billing < calls reads nothing: Kafka does not let this process', 'The copy of access.changed is not kept up to date: Kafka does not let this process']
          .map((fault) => until(() => log.health().detail?.includes(fault) === true)),
      ]);
      await witness.stop();
    }, LONG_MS);
  });
}
