import type { Fault, Path } from './fault.ts';

/** What is left of a file when the entries with faults are taken out of its lists. */
export interface Rest {
  readonly value: object;
  /** Lists that are not whole: what others name may have stood in them. */
  readonly parted: ReadonlySet<unknown>;
  /** Where in the file something stands that stands here in the rest. */
  placeInFile(path: Path): Path;
}

/** Takes out each key, else each entry of a list, else each section in which there is a fault, so that the rest can be looked at too. */
export function withoutFaulty(value: object, faults: readonly Fault[]): Rest {
  const out = new Set(faults.map(({ path }) => shown(entryOf(path))));
  const places = new Map<string, readonly number[]>();
  const kept = (list: readonly unknown[], here: Path, inFile: Path): unknown[] => {
    const indices = [...list.keys()].filter((index) => !out.has(shown([...inFile, index])));
    places.set(shown(here), indices);
    return indices.map((index) => list[index]);
  };
  const sections = Object.entries(value).filter(([section]) => !out.has(shown([section])));
  const rest = sections.map(([section, content]: [string, unknown]) => {
    if (!Array.isArray(content)) return [section, content];
    const entries = kept(content, [section], [section]);
    const indices = places.get(shown([section]))!;
    return [section, section === 'projects' ? entries.map((entry, at) => withKeys(entry, (keys) => kept(keys, [section, at, 'keys'], [section, indices[at]!, 'keys']))) : entries];
  });
  return {
    value: Object.fromEntries(rest) as object,
    parted: new Set(faults.map(({ path }) => path[0])),
    placeInFile: (path) => path.map((part, at) => (typeof part === 'number' ? (places.get(shown(path.slice(0, at)))?.[part] ?? part) : part)),
  };
}

function withKeys(project: unknown, kept: (keys: readonly unknown[]) => unknown[]): unknown {
  const { keys } = project as { readonly keys?: unknown };
  return Array.isArray(keys) ? { ...(project as object), keys: kept(keys) } : project;
}

function entryOf(path: Path): Path {
  const isKey = path[0] === 'projects' && path[2] === 'keys' && typeof path[3] === 'number';
  return path.slice(0, isKey ? 4 : typeof path[1] === 'number' ? 2 : 1);
}

function shown(path: Path): string {
  return JSON.stringify(path);
}
