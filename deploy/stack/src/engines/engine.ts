import type { EngineCommand, Mark } from '../processes/engine-process.ts';

/** Tells the person who waits what is going on. */
export type Say = (text: string) => void;

/** One server of the stack. */
export interface Engine {
  readonly name: string;
  /** For clients; with its password where it has one. */
  readonly address: string;
  /** Other addresses of it, by what they are for. */
  readonly also?: Readonly<Record<string, string>>;
  readonly mark: Mark;
  readonly stop: { readonly signal: NodeJS.Signals; readonly patienceMs: number };
  /**
   * Brings its packages and makes its folders; all of it may have been done before, or left half done.
   * @throws MissingTool when this machine lacks what it needs
   */
  prepare(say: Say, signal: AbortSignal): Promise<EngineCommand>;
  /** Asks the server itself and returns what it says, for people. @throws when it does not answer as it should */
  ask(signal: AbortSignal): Promise<string>;
  /** Clears away what its processes leave outside the data folder. Called when it is stopped. */
  clear?(): Promise<void>;
}
