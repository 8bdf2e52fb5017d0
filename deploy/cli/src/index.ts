export type { Reconciliation } from './reconcile/reconcile.ts';
export { settingsShape } from './settings.ts';
