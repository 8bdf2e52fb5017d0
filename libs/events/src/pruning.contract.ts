import { expect } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import type { EventLogUnderTest } from './event-log.contract.ts';

/** What is past its retention and was read by every consumer goes, and nothing else. */
export async function checkPruning(setUp: () => Promise<EventLogUnderTest>): Promise<void> {
  const day = 86_400_000;
  const own = await setUp();
  const view = await own.open();
  await own.sql.query('CREATE SCHEMA IF NOT EXISTS shop');
  const [clock] = await own.sql.query<{ now: bigint }>('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now');
  const nowMs = Number(clock!.now);
  const publishOne = (id: string): Promise<void> => own.sql.transaction((transaction) => view.publish(transaction, AdminActedSchema, 'org', create(AdminActedSchema, { id })));
  /** What a consumer still gets: all that is there for a new one, the rest for one that came before. */
  const read = async (name: string): Promise<string[]> => {
    const seen: string[] = [];
    const segments = view.subscribeSegments(name, async (_transaction, entries) => { seen.push(...entries.map((entry) => entry.kind === 'closed' ? 'closed' : Buffer.from(entry.segment.bytes).toString())); });
    const acts = view.subscribe(AdminActedSchema, name, async (_transaction, { message }) => { seen.push(message.id); });
    await Promise.all([segments.caughtUp(), acts.caughtUp()]);
    await Promise.all([segments.stop(), acts.stop()]);
    return seen.sort();
  };
  const epoch = await view.takeEpoch('p');
  await view.appendSegment({ producer: 'p', epoch, seq: 0n, bytes: Buffer.from('segment 0') });
  await publishOne('act 0');
  await view.prune(nowMs + 8 * day);
  expect(await read('shop.slow')).toContain('segment 0');
  await view.appendSegment({ producer: 'p', epoch, seq: 1n, bytes: Buffer.from('segment 1') });
  await publishOne('act 1');
  await view.prune(nowMs + 6 * day);
  const all = await read('shop.fast');
  expect(all).toContain('segment 0');
  await view.prune(nowMs + 8 * day);
  expect(await read('shop.new')).toEqual(['act 1', 'segment 1']);
  expect(await read('shop.slow')).toEqual(['act 1', 'segment 1']);
  await view.closeEpoch('p', epoch);
  await view.prune(nowMs + 8 * day);
  expect(await read('shop.newer')).toEqual(['closed']);
  expect(await read('shop.slow')).toEqual(['closed']);
  await view.stop();
  await own.close();
}
