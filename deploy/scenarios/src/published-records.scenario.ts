import { expect, it } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { OutsideReader } from '@sluice/testkit/outside-reader';
import type { MeshHouse } from './mesh-house.ts';

const LIMIT_MS = 120_000;
const WRITTEN = ['calls', 'producer.beat', 'topic.beat', 'right.claim', 'access.changed', 'registry.changed', 'filter.changed', 'admin.acted', 'call.abandoned'];

/** What a reader outside is told of the records on Kafka is true of each that all scenarios before have left there. */
export function publishedRecordsScenario(at: () => MeshHouse): void {
  it('write on Kafka what is published for readers outside, record for record', async () => {
    const outsider = new OutsideReader(fileURLToPath(new URL('../../../', import.meta.url)));
    const records = await outsider.readAll(at().brokers.split(','));
    expect([...new Set(records.map(({ topic }) => topic))]).toEqual(expect.arrayContaining(WRITTEN));
    expect([...new Set(records.flatMap((record) => outsider.faultsOf(record)))]).toEqual([]);
  }, LIMIT_MS);
}
