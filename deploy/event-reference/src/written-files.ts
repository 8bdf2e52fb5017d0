import { readFileSync } from 'node:fs';
import { asyncApi } from './asyncapi.ts';
import { readEventContracts } from './event-topics.ts';
import { eventsPage } from './events-page.ts';
import { rightsPage } from './rights-page.ts';

/** Everything that is written from the contracts of the events and from what they ask of Kafka, by its path in the repository. */
export function writtenFiles(root: string): ReadonlyMap<string, string | Uint8Array> {
  const protoFolder = `${root}proto`;
  const contracts = readEventContracts(protoFolder);
  const document = asyncApi(contracts, (file) => readFileSync(`${protoFolder}/${file}`, 'utf8'));
  return new Map<string, string | Uint8Array>([
    ['docs/events.md', eventsPage(contracts)],
    ['docs/events/asyncapi.json', `${JSON.stringify(document, undefined, 2)}\n`],
    ['docs/events/descriptors.binpb', contracts.descriptors],
    ['docs/kafka-rights.md', rightsPage()],
  ]);
}
