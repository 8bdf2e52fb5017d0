/** Billing needs no setting: prices and budgets are given by administrators. */
export const billingConfig = {};

export type BillingConfig = Readonly<Record<string, never>>;
