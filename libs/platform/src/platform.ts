import type { Clock, Ids } from '@sluice/clock';
import type { EventLog } from '@sluice/events';
import type { Implementation, Transport } from '@sluice/rpc';
import type { Migration, Sql } from '@sluice/sql';
import type { Store } from '@sluice/store';
import type { RootKey } from '@sluice/envelope';
import type { Health } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';
import type { DescService } from '@bufbuild/protobuf';

/**
 * The whole difference between one process and a mesh, in one object; made once per process from configuration.
 * A service is `createX(platform, config)` and knows nothing else of where it runs.
 */
export interface Platform {
  connect: Transport['connect'];
  serve<S extends DescService>(service: S, implementation: Implementation<S>): void;
  readonly events: EventLog;
  /** The tables of one service: its own schema, migrated before the call returns. */
  sql(schema: string, migrations: readonly Migration[]): Promise<Sql>;
  /** Counts that all processes of the platform share. */
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly rootKey: RootKey;
  readonly logger: Logger;
  readonly health: Health;
}

