/** The embedded PostgreSQL cannot be started. The text is for the operator and says what to do, or shows the end of the server's log. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError';
}
