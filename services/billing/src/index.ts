export { createBilling } from './billing.module.ts';
export { billingConfig, type BillingConfig } from './config.ts';
