/** One SSE event or line. A tool call that arrives in one piece is the largest honest event. */
export const EVENT_LIMIT_BYTES = 1024 * 1024;
/** Read from the socket and not yet taken by the consumer; above it the socket is paused. */
export const READ_AHEAD_LIMIT_BYTES = 64 * 1024;
/** And in how many pieces: each is an object that is larger than a few bytes. */
export const READ_AHEAD_LIMIT_PIECES = 1024;
/** An error body is read this far; no honest envelope is longer. */
export const ERROR_BODY_LIMIT_BYTES = 64 * 1024;
/** And for this long; the status says enough to go elsewhere. */
export const ERROR_BODY_LIMIT_MS = 5000;
/** The backend's own words in a refusal that the client sees. */
export const REFUSAL_MESSAGE_LIMIT_CHARACTERS = 2000;
/** A backend's Retry-After above this is not believed. */
export const RETRY_AFTER_LIMIT_SECONDS = 3600;
/** After the answer is complete, what may still come before the connection is given up instead of kept alive. */
export const TRAILING_LIMIT_BYTES = 64 * 1024;
/** And for how long the end of the body is waited for. */
export const TRAILING_LIMIT_MS = 1000;
/** Tool calls in one choice; the specification allows 128 tools. */
export const TOOL_CALLS_LIMIT = 512;
/**
 * What is kept of the tool calls of one choice until its end: ids, names, and text that waits for the name of its call.
 * Some gateways hide kilobytes of state in an id; no honest backend comes near this.
 */
export const TOOL_CALLS_KEPT_LIMIT_CHARACTERS = 1024 * 1024;
/** Choice indexes the backend may use: as many as were asked for, and never above this. */
export const CHOICES_LIMIT = 128;
/** To open a connection. */
export const CONNECT_TIMEOUT_MS = 5000;
/** An idle connection is kept this long; below the 5 s after which Node's own servers close theirs. */
export const KEEP_ALIVE_MS = 4000;
