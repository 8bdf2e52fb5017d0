/** What a process of a mesh tells whoever started it as its supervisor. */
export interface ReadyMessage {
  readonly ready: {
    readonly url?: string;
    readonly adminUrl?: string;
    readonly directUrl?: string;
    readonly grpcAddress?: string;
  };
}

/** Tells the supervisor, where there is one, that this process serves. */
export function tellReady(message: ReadyMessage): void {
  // One that went away in this moment is told of by `disconnect`; a failure that nobody takes would end the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/** Calls when the supervisor is gone, however that happened; a process that nobody supervises is never called. */
export function onOrphaned(listener: () => void): () => void {
  process.once('disconnect', listener);
  return () => void process.off('disconnect', listener);
}

/** Ends the channel, which would keep this process alive. */
export function leaveSupervisor(): void {
  if (process.connected) process.disconnect?.();
}
