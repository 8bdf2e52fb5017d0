import type { Ran } from '@sluice/cli/testing';

/** What a house runs as and where it can be hurt. Everything else goes through its addresses. */
export interface House extends AsyncDisposable {
  /** Where clients call: one address, behind which there may be many processes. */
  readonly url: string;
  /** The public address of each process that answers calls; what was changed must hold at every one of them. */
  readonly doors: readonly string[];
  readonly adminUrl: string;
  /** `host:port` where clients ask models of tensors over gRPC; as `url`, one address. */
  readonly grpcAddress: string;
  readonly apiKey: string;
  readonly adminKey: string;
  /** Brokers of Kafka, where the event log lies there: `host:port`, with commas between them. */
  readonly brokers?: string;
  /** Starts (again) on the same data and the same addresses; resolves when ready. */
  start(): Promise<void>;
  /** Ends everything properly. */
  stop(): Promise<void>;
  /** SIGKILL to every process of the house at once; with the event log's server too when asked. */
  kill(what: { readonly eventLog: boolean }): Promise<void>;
  /** SIGSTOP and SIGCONT to every process of the data plane: processes that the scheduler forgot. */
  pause(): void;
  resume(): void;
  /** The server behind the event log. Killed, it is started again by whoever keeps it running, not by a scenario. */
  readonly eventLog: { pause(): void; resume(): void; kill(): void };
  /** Runs `sluice` with these arguments against the house. */
  command(...args: string[]): Promise<Ran>;
}

export interface AdminAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** One request to the admin API, as the house's owner or as whoever else has a key. */
export async function admin<T = Record<string, unknown>>(house: Pick<House, 'adminUrl' | 'adminKey'>, method: string, path: string, body?: object): Promise<AdminAnswer<T>> {
  const answer = await fetch(`${house.adminUrl}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${house.adminKey}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: answer.status, body: (await answer.json()) as T };
}

/** Waits for a condition; the only wait of the scenarios. */
export async function eventually<T>(look: () => Promise<T | undefined | false>, limitMs = 60_000): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  let last: unknown;
  for (;;) {
    const seen = await look().catch((thrown: unknown) => void (last = thrown));
    if (seen !== undefined && seen !== false) return seen as T;
    if (performance.now() > deadlineMs) throw new Error(`did not happen within ${limitMs} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
