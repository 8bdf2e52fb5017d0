import { schemaName } from '@sluice/sql';

/** The schema in which a consumer's handlers find their tables: its name up to the first dot. */
export function schemaOf(consumer: string): string {
  return schemaName(consumer.split('.')[0]!);
}
