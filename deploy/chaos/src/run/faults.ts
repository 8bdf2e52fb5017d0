import type { House } from '../house/house.ts';
import { signal } from '../house/signal.ts';
import type { TcpProxy } from '../proxy/tcp-proxy.ts';

/** Something that goes wrong, and the time in which the platform must be well again. */
export interface Fault {
  readonly name: string;
  /** Between its beginning and its end. */
  readonly lastsMs: number;
  readonly begin: (house: House) => void;
  readonly end: (house: House) => Promise<void> | void;
  /** From its beginning where the platform must mend it while it lasts, else from its end. */
  readonly countedFrom: 'begin' | 'end';
  readonly limitMs: number;
  /** It ends a process of the platform, which must be there again under another number. */
  readonly replacesProcess: boolean;
  /** Its end is the moment at which a server answers again. */
  readonly restoresServer: boolean;
}

const SERVICE_LIMIT_MS = 10_000;
const SERVER_LIMIT_MS = 30_000;
/** Longer than the lease of an epoch and than the silence after which audit closes it. */
const PAUSE_MS = 18_000;
const DELAY_MS = 100;
const NETWORK_MS = 5_000;
/** Longer than what waits for an answer waits, so that giving up is tried too. */
const LONG_NETWORK_MS = 12_000;
const RESET_EVERY_MS = 250;

/** `kill -9` of a process of the platform; its supervisor starts it again. */
export function killProcess(name: string): Fault {
  return {
    name: `kill ${name}`, lastsMs: 0, countedFrom: 'begin', limitMs: SERVICE_LIMIT_MS, replacesProcess: true, restoresServer: false,
    begin: ({ platform }) => signal(platform.pids[name]!, 'SIGKILL'),
    end: () => undefined,
  };
}

/** `kill -9` of a server; its supervisor, which is this harness, starts it again at once. */
export function killServer(name: string): Fault {
  return {
    name: `kill ${name}`, lastsMs: 0, countedFrom: 'begin', limitMs: SERVER_LIMIT_MS, replacesProcess: false, restoresServer: true,
    begin: ({ servers }) => servers.kill(name),
    end: async ({ servers }) => servers.up(),
  };
}

/** A process that the scheduler forgot: what was given up for it must not be sent or spent when it wakes. */
export function pauseProcess(name: string): Fault {
  let paused = 0;
  return {
    name: `pause ${name}`, lastsMs: PAUSE_MS, countedFrom: 'end', limitMs: SERVICE_LIMIT_MS, replacesProcess: false, restoresServer: false,
    begin({ platform }) {
      paused = platform.pids[name]!;
      signal(paused, 'SIGSTOP');
    },
    end: () => signal(paused, 'SIGCONT'),
  };
}

export const NETWORKS = ['delay', 'drop', 'half-open', 'reset'] as const;
export type Network = (typeof NETWORKS)[number];

/** A bad network between the platform and one server. */
export function badNetwork(kind: Network, behind: string): Fault {
  let resets: NodeJS.Timeout | undefined;
  const begin: Record<Network, (proxy: TcpProxy) => void> = {
    delay: (proxy) => proxy.delay(DELAY_MS),
    drop: (proxy) => proxy.drop(),
    'half-open': (proxy) => proxy.halfOpen(),
    reset(proxy) {
      proxy.reset();
      resets = setInterval(() => proxy.reset(), RESET_EVERY_MS);
    },
  };
  return {
    name: `${kind} ${behind}`, lastsMs: kind === 'drop' ? LONG_NETWORK_MS : NETWORK_MS, countedFrom: 'end', limitMs: SERVER_LIMIT_MS, replacesProcess: false, restoresServer: false,
    begin: ({ proxies }) => begin[kind](proxies.get(behind)!),
    end({ proxies }) {
      clearInterval(resets);
      proxies.get(behind)!.heal();
    },
  };
}
