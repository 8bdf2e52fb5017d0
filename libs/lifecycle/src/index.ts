export { Health, type HealthReport, type HealthState } from './health.ts';
