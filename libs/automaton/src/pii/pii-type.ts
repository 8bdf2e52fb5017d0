/** What the scanners know. The names are those of rules: `pii:email` and so on. */
export const PII_TYPES = ['email', 'phone', 'cn_id', 'bank_card', 'credit_card', 'iban', 'ip', 'uscc'] as const;

export type PiiType = (typeof PII_TYPES)[number];
