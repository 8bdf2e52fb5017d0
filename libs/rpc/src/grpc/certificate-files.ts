import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Clock, Timer } from '@sluice/clock';
import type { Logger } from '@sluice/telemetry';

/** Orchestrators and `sluice certs` renew files days before the old ones end. */
const LOOK_PERIOD_MS = 10_000;

export interface CertificatePaths {
  /** PEM of every authority that is trusted; while one is replaced, the old and the new. */
  readonly caFile: string;
  /** PEM of this process's own certificate, and those between it and the authority. */
  readonly certificateFile: string;
  /** PEM of its private key. */
  readonly keyFile: string;
}

/**
 * What this process shows of itself and whom it trusts. The files are looked at every 10 s, by content, because secrets
 * are swapped by symbolic links; new ones serve the next connection. Files that do not fit together (a renewal under
 * way) change nothing until they do.
 */
export class CertificateFiles {
  readonly #paths: CertificatePaths;
  readonly #logger: Logger;
  readonly #listeners = new Set<() => void>();
  readonly #timer: Timer;
  #options: SecureContextOptions;
  #context: SecureContext;
  #isLooking = false;

  /** Rejects when a file cannot be read or they do not fit together. */
  static async open(paths: CertificatePaths, clock: Clock, logger: Logger): Promise<CertificateFiles> {
    return new CertificateFiles(paths, await read(paths), clock, logger);
  }

  private constructor(paths: CertificatePaths, options: SecureContextOptions, clock: Clock, logger: Logger) {
    this.#paths = paths;
    this.#logger = logger;
    this.#options = options;
    this.#context = createSecureContext(options);
    this.#timer = clock.every(LOOK_PERIOD_MS, () => void this.#look());
  }

  get options(): SecureContextOptions {
    return this.#options;
  }

  get context(): SecureContext {
    return this.#context;
  }

  /** Calls the listener after each change; returns how to end that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#timer.cancel();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const options = await read(this.#paths);
      if (isSame(options, this.#options)) return;
      this.#context = createSecureContext(options);
      this.#options = options;
      for (const listener of this.#listeners) listener();
      this.#logger.info({ file: this.#paths.certificateFile }, 'Renewed certificates were read.');
    } catch (error) {
      this.#logger.warn({ error: error as Error, file: this.#paths.certificateFile }, 'The certificate files cannot be used; the ones read before stay in use.');
    } finally {
      this.#isLooking = false;
    }
  }
}

/** TLS 1.3 and nothing older, in both directions. */
async function read({ caFile, certificateFile, keyFile }: CertificatePaths): Promise<SecureContextOptions> {
  const [ca, cert, key] = await Promise.all([readFile(caFile, 'utf8'), readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { ca, cert, key, minVersion: 'TLSv1.3' };
}

function isSame(one: SecureContextOptions, other: SecureContextOptions): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key;
}
