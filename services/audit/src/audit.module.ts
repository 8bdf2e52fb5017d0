import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { AuditService } from '@sluice/proto/audit/v1/audit';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { explainedTables, readMigrations } from '@sluice/sql';
import { consumeAct } from './adapters/acts.consumer.ts';
import { auditRpc } from './adapters/audit.rpc.ts';
import { signCheckpoint } from './adapters/checkpoints-sql.ts';
import { closeSilentEpochs } from './adapters/close-silent-epochs.ts';
import { openLog } from './adapters/log-sql.ts';
import { LogFigures } from './adapters/log-figures.ts';
import { pruneBodies } from './adapters/prune-bodies.ts';
import { RepeatingWork } from './adapters/repeating-work.ts';
import { consumeSegments } from './adapters/segments.consumer.ts';
import type { AuditConfig } from './config.ts';

const PLATFORM = Symbol('audit platform');
const CONFIG = Symbol('audit config');

/** What callers are told while the tables cannot be read. */
const AWAY = { code: 'audit_log_unavailable', message: 'The database of the audit is away.' } as const;

const CONSUMER = 'audit';
const CHECKPOINT_EVERY_MS = 1_000;
const WATCH_EPOCHS_EVERY_MS = 1_000;
const PRUNE_EVERY_MS = 3_600_000;
/** Segments that wait to be taken in; at a few hundred a second this is half a minute behind. */
const MAX_HEALTHY_LAG = 10_000;

/** Takes in what the log brings, signs checkpoints, closes silent epochs, prunes bodies, and answers AuditService. */
@Module({})
class AuditModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  readonly #config: AuditConfig;
  readonly #subscriptions: Subscription[] = [];
  readonly #works: RepeatingWork[] = [];
  #figures: LogFigures | undefined;
  /** The last batch of segments could not be taken in. */
  #isStalled = false;

  constructor(@Inject(PLATFORM) platform: Platform, @Inject(CONFIG) config: AuditConfig) {
    this.#platform = platform;
    this.#config = config;
  }

  async onModuleInit(): Promise<void> {
    const { clock, events, health, ids, logger, rootKey } = this.#platform;
    const sql = await this.#platform.sql('audit', await readMigrations(new URL('../migrations/', import.meta.url)));
    const signer = await openLog(sql, rootKey, ids, this.#config.SLUICE_AUDIT_ORIGIN);
    const figures = (this.#figures = new LogFigures(clock));

    const onStrays = (strays: number): void => {
      figures.addStrays(strays);
      logger.error({ strays }, 'Records came that no producer should write: a second end of a call, or one without a beginning. They changed nothing.');
    };
    const segments = events.subscribeSegments(CONSUMER, async (transaction, entries) => {
      try {
        await consumeSegments(transaction, entries, { clock, ids, events, onStrays });
        this.#isStalled = false;
      } catch (thrown) {
        // The event log says why and tries again; here it is remembered for health.
        this.#isStalled = true;
        throw thrown;
      }
    });
    // An act that was left out would be a change that nobody made: rather all wait than one is missing.
    const acts = events.subscribe(AdminActedSchema, CONSUMER, (transaction, record) => consumeAct(transaction, record, ids), { neverSkips: true });
    this.#subscriptions.push(segments, acts);
    figures.watchLag(() => segments.lag());

    const checkpoints = this.#repeat('checkpoints', CHECKPOINT_EVERY_MS, async () => figures.setCheckpoint(await signCheckpoint(sql, signer, clock.wallMs())));
    this.#repeat('epochs', WATCH_EPOCHS_EVERY_MS, async () => {
      for (const { producer, epoch, silentMs, isReplaced } of await closeSilentEpochs(events)) logger.warn({ producer, epoch, silentMs, isReplaced }, 'Closed the epoch of a producer that is silent or has ended.');
    });
    const retention = this.#repeat('retention', PRUNE_EVERY_MS, async () => {
      for (const { name } of await pruneBodies(sql, this.#config.SLUICE_AUDIT_RETENTION_DAYS, clock.wallMs())) logger.info({ month: name }, 'Removed the sealed bodies of a month whose retention is over.');
    });
    // The audit keeps its own copy, so it is the one to say when the event log may forget.
    const forgetting = this.#repeat('event log', PRUNE_EVERY_MS, () => events.prune(clock.wallMs()));
    // A new log has a checkpoint, of nothing, before anyone can ask for one.
    await checkpoints.run();
    void retention.run();
    void forgetting.run();

    this.#platform.serve(AuditService, auditRpc(explainedTables(sql, AWAY), this.#platform.connect(AccessService), signer, () => segments.caughtUp()));
    health.register('audit', () => this.#health(segments.lag()));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.#works, ...this.#subscriptions].map((part) => part.stop()));
    this.#figures?.stop();
  }

  #repeat(name: string, periodMs: number, work: () => Promise<void>): RepeatingWork {
    const repeating = new RepeatingWork(name, periodMs, this.#platform, work);
    this.#works.push(repeating);
    return repeating;
  }

  #health(lag: number): HealthState {
    if (this.#isStalled || this.#works.some(({ isFailing }) => isFailing)) return { status: 'degraded', detail: 'The audit cannot reach its tables or the log; it goes on when they are back.' };
    return lag > MAX_HEALTHY_LAG ? { status: 'degraded', detail: `${lag} segments wait to be taken in.` } : { status: 'ok' };
  }
}

/** The service audit on a platform. */
export function createAudit(platform: Platform, config: AuditConfig): DynamicModule {
  return {
    module: AuditModule,
    providers: [
      { provide: PLATFORM, useValue: platform },
      { provide: CONFIG, useValue: config },
    ],
  };
}
