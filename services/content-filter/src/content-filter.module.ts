import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { HealthState } from '@sluice/lifecycle';
import { AccessPermissions } from '@sluice/permissions';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { ContentFilterService } from '@sluice/proto/content_filter/v1/content_filter';
import { FilterChangedSchema } from '@sluice/proto/events/v1/changes';
import { Replica, SignOfLife } from '@sluice/replica';
import { explainedTables, readMigrations, type Sql } from '@sluice/sql';
import { sqlActs } from './adapters/acts-sql.ts';
import { AutomatonCompiler } from './adapters/automaton-compiler.ts';
import { droppedHitsCounter } from './adapters/dropped-hits.ts';
import { filterRpc } from './adapters/filter.rpc.ts';
import { hitHash, loadHitKey } from './adapters/hit-key-sql.ts';
import { sqlHits } from './adapters/hits-sql.ts';
import { readRules, readVersions } from './adapters/reads-sql.ts';
import { rulesRpc } from './adapters/rules.rpc.ts';
import type { ContentFilterConfig } from './config.ts';
import { HitJournal } from './domain/hit-journal.ts';
import { PolicyBook } from './domain/policy-book.ts';

const PLATFORM = Symbol('content filter platform');

/** What callers are told while the tables cannot be reached. */
const AWAY = { code: 'content_filter_unavailable', message: 'The database of the content filter is away.' } as const;

/** Nobody knows for so long whether a rule was added: from then on nothing passes. */
const DEAF_AFTER_MS = 30_000;

/** The copy is the book: what follows the log keeps no state of its own. */
type Heard = Replica<null, typeof FilterChangedSchema>;

/** Owns its tables, keeps the rules in force compiled, serves ContentFilterService and gives its signs of life. */
@Module({})
class ContentFilterModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  #signOfLife: SignOfLife | undefined;
  #heard: Heard | undefined;
  #book: { stop(): Promise<void> } | undefined;
  #journal: HitJournal | undefined;

  constructor(@Inject(PLATFORM) platform: Platform) {
    this.#platform = platform;
  }

  async onModuleInit(): Promise<void> {
    const { clock, events, health, ids, logger, rootKey } = this.#platform;
    const migrations = await readMigrations(new URL('../migrations', import.meta.url));
    const sql = explainedTables(await this.#platform.sql('content_filter', migrations), AWAY);
    const hash = hitHash(await loadHitKey(sql, rootKey, ids));
    const compiler = new AutomatonCompiler();
    const hearsChanges = (): boolean => heard.ageMs() <= DEAF_AFTER_MS;
    const book = (this.#book = new PolicyBook({ compiler, readRules: (organisationId, known) => readRules(sql, organisationId, known), hearsChanges, clock, logger }));
    const heard = (this.#heard = this.#follow(sql, book));
    const signOfLife = (this.#signOfLife = new SignOfLife(this.#platform, FilterChangedSchema));
    const journal = (this.#journal = new HitJournal({ store: sqlHits(sql, events), dropped: droppedHitsCounter(), clock, logger }));
    health.register('content-filter', () => worst([book.health(), heard.health(), signOfLife.health()]));
    // Before the first call comes: one that finds its rules being loaded is refused.
    heard.start();
    await heard.ready();
    await book.tried();
    const permissions = new AccessPermissions(this.#platform.connect(AccessService));
    const administration = { acts: sqlActs(sql, { events, ids }), permissions, compiler, inForce: book, clock, ids };
    this.#platform.serve(ContentFilterService, { ...filterRpc({ policies: book, hash, hits: journal, clock }), ...rulesRpc(sql, administration) });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#heard?.stop();
    await this.#book?.stop();
    await this.#journal?.stop();
    await this.#signOfLife?.stop();
  }

  /** The book hears of each version from the log, and of all of them whenever the tables are read. */
  #follow(sql: Sql, book: Pick<PolicyBook<unknown>, 'loaded' | 'heard'>): Heard {
    const { clock, events, logger } = this.#platform;
    return new Replica({
      name: 'versions of filter rules',
      schema: FilterChangedSchema,
      events,
      clock,
      logger,
      load: async () => {
        const { position, versions } = await readVersions(sql, events);
        book.loaded(versions);
        return { position, state: null };
      },
      apply: (_state, { message: { organisationId, policyVersion } }) => {
        book.heard(organisationId, policyVersion);
        return null;
      },
    });
  }
}

function worst(states: readonly HealthState[]): HealthState {
  return states.find(({ status }) => status === 'down') ?? states.find(({ status }) => status === 'degraded') ?? { status: 'ok' };
}

/** The service content-filter on a platform. */
export function createContentFilter(platform: Platform, _config: ContentFilterConfig): DynamicModule {
  return { module: ContentFilterModule, providers: [{ provide: PLATFORM, useValue: platform }] };
}
