import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AccessPermissions } from '@sluice/permissions';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import { FilterChangedSchema } from '@sluice/proto/events/v1/changes';
import { Replica, SignOfLife } from '@sluice/replica';
import { explainedTables, readMigrations, type Sql } from '@sluice/sql';
import { sqlActs } from './adapters/acts-sql.ts';
import { AutomatonCompiler } from './adapters/automaton-compiler.ts';
import { copiesRpc } from './adapters/copies.rpc.ts';
import { loadHitKey } from './adapters/hit-key-sql.ts';
import { sqlHits } from './adapters/hits-sql.ts';
import { wordsOfThisProcess } from './adapters/known-words.ts';
import { readRules, readVersions } from './adapters/reads-sql.ts';
import { rulesRpc } from './adapters/rules.rpc.ts';
import { worst } from './adapters/worst-health.ts';
import type { ContentFilterConfig } from './config.ts';
import { PolicyBook } from './domain/policy-book.ts';

const PLATFORM = Symbol('content filter rules platform');

/** What callers are told while the tables cannot be reached. */
const AWAY = { code: 'content_filter_unavailable', message: 'The database of the content filter is away.' } as const;

/** The book is the state: what follows the log keeps none of its own. */
type Heard = Replica<null, typeof FilterChangedSchema>;

/** Owns the rules, the key of hashed hits and their statistics, serves FilterRulesService and gives its signs of life. Looks at no call. */
@Module({})
class ContentFilterRulesModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  #signOfLife: SignOfLife | undefined;
  #heard: Heard | undefined;
  #book: { stop(): Promise<void> } | undefined;

  constructor(@Inject(PLATFORM) platform: Platform) {
    this.#platform = platform;
  }

  async onModuleInit(): Promise<void> {
    const { clock, events, health, ids, logger, rootKey } = this.#platform;
    const migrations = await readMigrations(new URL('../migrations', import.meta.url));
    const sql = explainedTables(await this.#platform.sql('content_filter', migrations), AWAY);
    const hitKey = await loadHitKey(sql, rootKey, ids);
    const compiler = new AutomatonCompiler(wordsOfThisProcess);
    // Rules are tried out beside those that are here; which of them calls pass by is not for this book to say.
    const book = (this.#book = new PolicyBook({ compiler, readRules: (organisationId, known) => readRules(sql, organisationId, known), hearsChanges: () => true, clock, logger }));
    const heard = (this.#heard = this.#follow(sql, book));
    const signOfLife = (this.#signOfLife = new SignOfLife(this.#platform, FilterChangedSchema));
    health.register('content-filter-rules', () => worst([book.health(), heard.health(), signOfLife.health()]));
    heard.start();
    await heard.ready();
    const permissions = new AccessPermissions(this.#platform.connect(AccessService));
    const administration = { acts: sqlActs(sql, { events, ids }), permissions, compiler, rehearsals: book, clock, ids };
    this.#platform.serve(FilterRulesService, { ...copiesRpc({ sql, events, hits: sqlHits(sql, events), hitKey }), ...rulesRpc(sql, administration) });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#heard?.stop();
    await this.#book?.stop();
    await this.#signOfLife?.stop();
  }

  /** Another process may own the same tables: the book hears of each version from the log, and of all of them whenever the tables are read. */
  #follow(sql: Sql, book: Pick<PolicyBook<unknown>, 'loaded' | 'heard'>): Heard {
    const { clock, events, logger } = this.#platform;
    return new Replica({
      name: 'content-filter-rules',
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

/** The service content-filter-rules on a platform. */
export function createContentFilterRules(platform: Platform, _config: ContentFilterConfig): DynamicModule {
  return { module: ContentFilterRulesModule, providers: [{ provide: PLATFORM, useValue: platform }] };
}
