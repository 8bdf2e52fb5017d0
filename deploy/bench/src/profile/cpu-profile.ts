/** What `node --cpu-prof` writes (Chrome DevTools Protocol, `Profiler.Profile`). Times are microseconds of the machine's monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }; readonly children?: readonly number[] }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A function, called on one way. */
export interface Frame {
  readonly name: string;
  /** The project, package or module of the runtime that it belongs to. */
  readonly part: string;
  /** Time in it and in what it calls. */
  totalUs: number;
  selfUs: number;
  readonly children: Map<string, Frame>;
}

/** How the runtime calls what waits: on every way, and says nothing about it. */
const TURNS = new Set(['(root)', 'processTicksAndRejections', 'runMicrotasks']);

/** The busy time between two moments as a tree of calls; same calls from the same place are one. */
export function callTree({ nodes, startTime, samples, timeDeltas }: CpuProfile, fromUs: number, toUs: number): Frame {
  const root = frame('all', '');
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const merged = new Map<number, Frame>();
  const frameOf = (id: number | undefined): Frame => {
    if (id === undefined) return root;
    const known = merged.get(id);
    if (known) return known;
    const { functionName, url, lineNumber } = byId.get(id)!.callFrame;
    const caller = frameOf(callers.get(id));
    const name = functionName === '' ? `(anonymous, line ${lineNumber + 1})` : functionName;
    const part = partOf(url);
    const key = `${part} ${name}`;
    if (!TURNS.has(name) && !caller.children.has(key)) caller.children.set(key, frame(name, part));
    const found = TURNS.has(name) ? caller : caller.children.get(key)!;
    merged.set(id, found);
    return found;
  };
  let atUs = startTime;
  for (const [index, id] of samples.entries()) {
    const tookUs = timeDeltas[index]!;
    atUs += tookUs;
    if (atUs >= fromUs && atUs < toUs && byId.get(id)!.callFrame.functionName !== '(idle)') frameOf(id).selfUs += tookUs;
  }
  addUp(root);
  return root;
}

function frame(name: string, part: string): Frame {
  return { name, part, totalUs: 0, selfUs: 0, children: new Map() };
}

function addUp(node: Frame): number {
  node.totalUs = node.selfUs;
  for (const child of node.children.values()) node.totalUs += addUp(child);
  return node.totalUs;
}

/** `gateway`, `services/audit`, `libs/sql`, the name of a package, or `runtime`. */
function partOf(url: string): string {
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url);
  if (inPackage) return inPackage[1]!;
  const own = /\/(gateway|(?:services|libs|deploy)\/[^/]+|proto)\/(?:src|gen)\//.exec(url);
  return own ? own[1]! : 'runtime';
}

/** Time by part of the house, in microseconds: what the runtime and packages do counts for whoever called them. Largest first. */
export function timeByPart(root: Frame): [string, number][] {
  const times = new Map<string, number>();
  const visit = (node: Frame, owner: string): void => {
    const mine = /^(gateway$|services\/|libs\/|deploy\/)/.test(node.part) || owner === '' ? node.part || owner : owner;
    const named = mine === 'runtime' && node.name.startsWith('(') ? node.name : mine || 'runtime';
    if (node.selfUs > 0) times.set(named, (times.get(named) ?? 0) + node.selfUs);
    for (const child of node.children.values()) visit(child, mine === 'runtime' ? '' : mine);
  };
  visit(root, '');
  return [...times].sort(([, left], [, right]) => right - left);
}
