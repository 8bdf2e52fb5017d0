export { Replica, STALE_AFTER_MS, type ReplicaOptions, type Snapshot } from './replica.ts';
export { SignOfLife, type Owner } from './sign-of-life.ts';
