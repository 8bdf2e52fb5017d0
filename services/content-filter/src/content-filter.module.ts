import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Platform } from '@sluice/platform';
import { ContentFilterService, FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import { AutomatonCompiler } from './adapters/automaton-compiler.ts';
import { droppedHitsCounter } from './adapters/dropped-hits.ts';
import { filterRpc } from './adapters/filter.rpc.ts';
import { wordsOfThisProcess } from './adapters/known-words.ts';
import { followRules, hitsAtOwner, rulesOf, type RulesCopy } from './adapters/rules-copy.ts';
import { worst } from './adapters/worst-health.ts';
import type { ContentFilterConfig } from './config.ts';
import { HitJournal } from './domain/hit-journal.ts';
import { PolicyBook } from './domain/policy-book.ts';

const PLATFORM = Symbol('content filter platform');

/** Nobody knows for so long whether a rule was added: from then on nothing passes. */
const DEAF_AFTER_MS = 30_000;

/** Follows the owner of the rules, keeps those in force compiled, and serves ContentFilterService. Owns nothing at rest. */
@Module({})
class ContentFilterModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  #copy: RulesCopy | undefined;
  #book: { stop(): Promise<void> } | undefined;
  #journal: HitJournal | undefined;

  constructor(@Inject(PLATFORM) platform: Platform) {
    this.#platform = platform;
  }

  async onModuleInit(): Promise<void> {
    const { clock, events, health, ids, logger } = this.#platform;
    const owner = this.#platform.connect(FilterRulesService);
    const hearsChanges = (): boolean => copy.ageMs() <= DEAF_AFTER_MS;
    const book = (this.#book = new PolicyBook({ compiler: new AutomatonCompiler(wordsOfThisProcess), readRules: rulesOf(owner), hearsChanges, clock, logger }));
    const copy = (this.#copy = followRules(owner, book, { events, clock, logger }));
    const journal = (this.#journal = new HitJournal({ sender: ids.next('hits'), store: hitsAtOwner(owner), dropped: droppedHitsCounter(), clock, logger }));
    health.register('content-filter', () => worst([book.health(), copy.health()]));
    // Before the first call comes: one that finds its rules being loaded is refused.
    copy.start();
    await copy.ready();
    await book.tried();
    // The copy has its state by then, and keeps it.
    this.#platform.serve(ContentFilterService, filterRpc({ policies: book, inForce: book, hash: (organisationId, text) => copy.state!(organisationId, text), hits: journal, clock }));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#copy?.stop();
    await this.#book?.stop();
    await this.#journal?.stop();
  }
}

/** The service content-filter on a platform. */
export function createContentFilter(platform: Platform, _config: ContentFilterConfig): DynamicModule {
  return { module: ContentFilterModule, providers: [{ provide: PLATFORM, useValue: platform }] };
}
