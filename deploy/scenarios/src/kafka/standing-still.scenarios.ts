import { describe, expect, it } from '@jest/globals';
import { create, toBinary } from '@bufbuild/protobuf';
import { ConfigResourceTypes } from 'kafkajs';
import type { KafkaEventLog } from '@sluice/events/kafka';
import { AdminActedSchema, CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { RightClaimSchema } from '@sluice/proto/events/v1/topic';
import { plainKafka, until, type ClusterWorld } from './cluster-world.ts';

const LONG_MS = 120_000;
const TOO_MUCH = 8 * 1024 * 1024;

/** What does not go on by itself, and must not look as if it did. */
export function standingStillScenarios(at: () => ClusterWorld): void {
  const open = (): Promise<KafkaEventLog> => at().open({ database: { url: at().databaseUrl } });
  const publish = (log: KafkaEventLog, id: string): Promise<void> => at().sql.transaction((transaction) => log.publish(transaction, AdminActedSchema, 'org', create(AdminActedSchema, { id, organisationId: 'org' })));
  /** Sends to a topic as somebody else than the platform. */
  const send = async (topic: string, messages: readonly { readonly key: string; readonly value: Buffer; readonly headers: Record<string, string> }[]): Promise<void> => {
    const producer = plainKafka(at()).producer();
    await producer.connect();
    await producer.send({ topic: at().prefix + topic, messages: [...messages] });
    await producer.disconnect();
  };

  describe('what stands still', () => {
    it('is told: a relay whose record Kafka refuses, and a consumer in front of a gap', async () => {
      const log = await open();
      await at().sql.transaction((transaction) => log.publish(transaction, CallAbandonedSchema, 'org', create(CallAbandonedSchema, { callId: 'x'.repeat(5000) })));
      const admin = plainKafka(at()).admin();
      await admin.connect();
      const limit = async (bytes: number): Promise<unknown> => admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: `${at().prefix}call.abandoned`, configEntries: [{ name: 'max.message.bytes', value: String(bytes) }] }] });
      const taken: string[] = [];
      const abandoned = log.subscribe(CallAbandonedSchema, 'shop', async (_transaction, { message }) => void taken.push(message.callId));
      await abandoned.caughtUp();
      await limit(1000);
      await at().sql.transaction((transaction) => log.publish(transaction, CallAbandonedSchema, 'org', create(CallAbandonedSchema, { callId: 'y'.repeat(5000) })));
      await at().sql.transaction((transaction) => log.publish(transaction, CallAbandonedSchema, 'org', create(CallAbandonedSchema, { callId: 'small' })));
      const acts: string[] = [];
      const audit = log.subscribe(AdminActedSchema, 'shop', async (_transaction, { message }) => void acts.push(message.id));
      const record = (position: number) => ({ key: 'org', value: Buffer.from(toBinary(AdminActedSchema, create(AdminActedSchema, { id: `act ${position}` }))), headers: { ce_sequence: String(position) } });
      await send('admin.acted', [1, 3, 4, 5].map(record));
      await until(() => {
        const detail = log.health().detail ?? '';
        return detail.includes('What is published on call.abandoned is not sent to Kafka: A record is larger than its topic allows.')
          && detail.includes('shop < admin.acted does not go on: the record 2 of admin.acted is not on Kafka, and 3 behind it wait for it.');
      });
      expect(acts).toEqual(['act 1']);
      expect(audit.lag()).toBe(3);
      // One more that is read is one more that waits.
      await send('admin.acted', [record(6)]);
      await until(() => audit.lag() === 4);
      // Mended, both go on.
      await Promise.all([limit(TOO_MUCH), send('admin.acted', [record(2)])]);
      await until(() => acts.length === 6 && taken.length === 3 && log.health().status === 'ok');
      expect([acts, taken.map((id) => id[0])]).toEqual([[1, 2, 3, 4, 5, 6].map((position) => `act ${position}`), ['x', 'y', 's']]);
      await admin.disconnect();
    }, LONG_MS);

    it('is not let come about: what no topic would take is refused where it is published', async () => {
      const log = await open();
      await expect(publish(log, 'x'.repeat(TOO_MUCH))).rejects.toMatchObject({ code: 'internal', message: expect.stringMatching(/^A record of admin\.acted holds at most 8323072 bytes, and this one has 83886\d\d\.$/) });
      // The largest that is taken arrives.
      const taken: number[] = [];
      const subscription = log.subscribe(AdminActedSchema, 'shop', async (_transaction, { message }) => void taken.push(message.id.length));
      await publish(log, 'x'.repeat(TOO_MUCH - 64 * 1024 - 16));
      await subscription.caughtUp();
      expect(taken).toEqual([TOO_MUCH - 64 * 1024 - 16]);
    }, LONG_MS);

    it('is nobody who has a right, because of a claim with a term that nobody can have', async () => {
      const log = await open();
      const witness = log.witness!('billing.book');
      expect(await witness.holds(12n)).toBe(true);
      const claim = (term: bigint) => ({ key: 'billing.book', value: Buffer.from(toBinary(RightClaimSchema, create(RightClaimSchema, { right: 'billing.book', term }))), headers: { ce_partitionkey: 'billing.book' } });
      await send('right.claim', [claim(2n ** 63n)]);
      expect(await witness.holds(12n)).toBe(true);
      await send('right.claim', [claim(13n)]);
      expect([await witness.holds(12n), await witness.holds(13n)]).toEqual([false, true]);
      await witness.stop();
    }, LONG_MS);
  });
}
