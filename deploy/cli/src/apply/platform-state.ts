import type { z } from 'zod';
import { budget, filterRule, filterRules, key, limits, listOf, models, parameterRule, prices, project, whoami } from '../platform-api/answers.ts';
import type { HttpApi } from '../platform-api/http-api.ts';

export type Project = z.infer<typeof project>;
export type Key = z.infer<typeof key>;
export type Models = z.infer<typeof models>;
export type Limits = z.infer<typeof limits>;
export type Budget = z.infer<typeof budget>;
export type Price = z.infer<typeof prices>['data'][number];
export type ParameterRule = z.infer<typeof parameterRule>;
/** A rule with all that it looks for. */
export type FilterRule = z.infer<typeof filterRule> & { readonly patterns: string[] };

/** What a platform is now, as far as a file can say. */
export interface PlatformState {
  readonly organisationId: string;
  /** The key that asks: it is never removed. */
  readonly ownKeyId: string;
  readonly projects: readonly Project[];
  /** Those that were not revoked. */
  readonly keys: readonly Key[];
  readonly models: Models['data'];
  readonly aliases: Models['aliases'];
  readonly limits: readonly Limits[];
  readonly budgets: readonly Budget[];
  readonly currency: string;
  readonly prices: readonly Price[];
  readonly parameterRules: readonly ParameterRule[];
  readonly filterRules: readonly FilterRule[];
}

/** Reads everything from the admin API. */
export async function readPlatform(api: HttpApi): Promise<PlatformState> {
  const [who, projects, keys, known, limited, budgets, priced, parameterRules, filterRuleList] = await Promise.all([
    api.get('/whoami', whoami),
    api.get('/projects', listOf(project)),
    api.get('/keys', listOf(key)),
    api.get('/models', models),
    api.get('/limits', listOf(limits)),
    api.get('/budgets', listOf(budget)),
    api.get('/prices', prices),
    api.get('/parameter-rules', listOf(parameterRule)),
    api.get('/filter/rules', filterRules),
  ]);
  return {
    organisationId: who.organisation_id,
    ownKeyId: who.key_id,
    projects: projects.data,
    keys: keys.data.filter(({ revoked_at: revokedAt }) => revokedAt === null),
    models: known.data,
    aliases: known.aliases,
    limits: limited.data,
    budgets: budgets.data,
    currency: priced.currency,
    prices: priced.data,
    parameterRules: parameterRules.data,
    filterRules: await withPatterns(api, filterRuleList.data),
  };
}

/** Long lists are told by their count; they are asked for one by one, because each may be megabytes. */
async function withPatterns(api: HttpApi, listed: readonly z.infer<typeof filterRule>[]): Promise<FilterRule[]> {
  const whole: FilterRule[] = [];
  for (const rule of listed) {
    const patterns = rule.patterns ?? (await api.get(`/filter/rules/${encodeURIComponent(rule.id)}`, filterRule)).patterns;
    whole.push({ ...rule, patterns: patterns ?? [] });
  }
  return whole;
}
