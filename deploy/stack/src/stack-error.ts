/** A command of the stack cannot do what it was asked. The text is for the operator and says what to do. */
export class StackError extends Error {
  override readonly name = 'StackError';
}

/** This machine lacks what an engine needs. */
export class MissingTool extends StackError {
  /** Says what is missing and how to get it: `Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)`. */
  constructor(what: string, how: string) {
    super(`${what} (${how})`);
  }
}
