/**
 * Asks the process of a container whether it runs: exit code 0 when it answers, 1 when not.
 *
 *   node health-check.mjs "$SLUICE_HEALTH_LISTEN" "$SLUICE_PORT"
 *
 * A process that hosts services of a mesh is asked at the first, which is host:port, a whole platform at the port of its API.
 */
const [listen, port] = process.argv.slice(2);
const ANSWER_LIMIT_MS = 4_000;

/** Where a listener on every address is found from inside. */
const near = (address) => address.replace(/^(0\.0\.0\.0|\[::\])(?=:\d+$)/, '127.0.0.1');
const url = listen ? `http://${near(listen)}/livez` : `http://127.0.0.1:${port || 8080}/healthz`;

try {
  const { ok } = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  process.exitCode = ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
