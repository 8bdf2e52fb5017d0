import { isKeyName } from '@sluice/transparency';
import { z } from 'zod';

/** Six calendar months can be 184 days, and the law asks for six months. */
const MIN_RETENTION_DAYS = 184;
const DEFAULT_RETENTION_DAYS = 400;

/** Settings of audit. */
export const auditConfig = {
  /** Names the log for ever, and its key: a URL without its scheme. Made once when not given. */
  SLUICE_AUDIT_ORIGIN: z.string().refine(isKeyName, 'must be a name without space and +, best a URL without its scheme: audit.example.com/log').optional(),
  /** How long sealed bodies are kept. Proofs are kept for ever. */
  SLUICE_AUDIT_RETENTION_DAYS: z.coerce
    .number(`must be a number of days, at least ${MIN_RETENTION_DAYS}`)
    .int('must be a whole number of days')
    .min(MIN_RETENTION_DAYS, `must be at least ${MIN_RETENTION_DAYS} days: the law asks for six months, and six months can have ${MIN_RETENTION_DAYS} days`)
    .max(36_500, 'must be at most 36,500 days')
    .default(DEFAULT_RETENTION_DAYS),
};

export type AuditConfig = Readonly<z.output<z.ZodObject<typeof auditConfig>>>;
