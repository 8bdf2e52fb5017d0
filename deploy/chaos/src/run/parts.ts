import type { House } from '../house/house.ts';
import { SILENCE_MS } from '../load/call-end.ts';
import { badNetwork, killProcess, killServer, NETWORKS, pauseProcess, type Fault, type Network } from './faults.ts';
import type { Part } from './run-chaos.ts';

/** How much of everything a run does. */
export interface Measure {
  /** Three brokers of Kafka instead of one. */
  readonly threeBrokers: boolean;
  /** Of each process and of each server. */
  readonly kills: number;
  /** Of processes that answer clients. */
  readonly pauses: number;
  /** The other processes are paused too, once each. */
  readonly everyPause: boolean;
  /** Every kind of bad network before every server, instead of every kind before Kafka and one before each of the others. */
  readonly everyNetwork: boolean;
  /** Everything is compared after each fault, instead of after each part. */
  readonly compareEach: boolean;
  /** Behind the last fault of a part clients go on for so long: what was sent into it and hangs is seen to end before what came after it is judged. */
  readonly lingerMs: number;
}

/** Longer than a client waits for an answer. */
const LINGER_MS = SILENCE_MS + 2_000;

export const SHORT: Measure = { threeBrokers: false, kills: 2, pauses: 1, everyPause: false, everyNetwork: false, compareEach: false, lingerMs: 0 };
export const LONG: Measure = { threeBrokers: true, kills: 20, pauses: 4, everyPause: true, everyNetwork: true, compareEach: true, lingerMs: LINGER_MS };

/** The faults of a run, as this house can have them; `only` picks by name. */
export function partsOf({ platform, servers, proxies }: House, measure: Measure, only = ''): Part[] {
  const processes = Object.keys(platform.pids);
  const isDataPlane = (name: string): boolean => name.startsWith('data-plane-');
  const dataPlane = processes.filter(isDataPlane);
  const pausedOnce = measure.everyPause ? processes.filter((name) => !isDataPlane(name)) : [];
  const kindsBefore = (name: string, index: number): readonly Network[] => (measure.everyNetwork || name.startsWith('kafka') ? NETWORKS : [NETWORKS[index % NETWORKS.length]!]);
  const networks = [...proxies.keys()].flatMap((name, index) => kindsBefore(name, index).map((kind) => badNetwork(kind, name)));
  const parts: Part[] = [
    { name: 'kills of processes', faults: repeat(measure.kills, () => processes.map(killProcess)) },
    { name: 'kills of servers', faults: repeat(measure.kills, () => servers.names.map(killServer)) },
    { name: 'pauses', faults: [...repeat(measure.pauses, (turn) => [pauseProcess(dataPlane[turn % dataPlane.length]!)]), ...pausedOnce.map(pauseProcess)] },
    { name: 'bad networks', faults: networks },
  ];
  const picked = parts.map((part) => ({ ...part, faults: part.faults.filter(({ name }) => name.includes(only)) })).filter(({ faults }) => faults.length > 0);
  return measure.compareEach ? picked.flatMap(({ faults }) => faults.map((fault) => ({ name: fault.name, faults: [fault] }))) : picked;
}

function repeat(times: number, round: (turn: number) => Fault[]): Fault[] {
  return Array.from({ length: times }, (_, turn) => round(turn)).flat();
}
