export { Health, type HealthReport, type HealthState } from './health.ts';
export { onShutdownSignals, type ShutdownHandlers, type SignalSource } from './shutdown-signals.ts';
