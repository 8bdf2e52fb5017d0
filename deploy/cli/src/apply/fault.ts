/** Where in the file something stands: member names and positions in lists. */
export type Path = readonly (string | number)[];

/** Something that is wrong with the file. */
export interface Fault {
  readonly path: Path;
  /** What, and how to mend it: `must be a whole number`. */
  readonly message: string;
  /** It is one only where this list of the file was read whole: what is missing may stand in an entry that could not be read. */
  readonly needs?: 'models' | 'projects';
}

/** `projects[0].keys[2].name`; `the file` for all of it. */
export function shownPath(path: Path): string {
  const shown = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return shown.replace(/^\./, '') || 'the file';
}
