export { createInProcessStore, type InProcessStore } from './in-process/in-process-store.ts';
export type { Hold, Store, Subject, Taking, Use, WindowLimit, WindowState } from './store.ts';
