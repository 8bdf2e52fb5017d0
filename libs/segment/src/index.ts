export type { PendingRecord, RecordSource, SealingKey, SealingKeys } from './record.ts';
