import type { RootKey } from '@sluice/envelope';

/** Upstream credentials at rest: wrapped under the root key, each for its own deployment, so that none opens in another's row. */
export class Credentials {
  readonly #rootKey: RootKey;

  constructor(rootKey: RootKey) {
    this.#rootKey = rootKey;
  }

  seal(deploymentId: string, token: string): Buffer {
    return this.#rootKey.wrap(purpose(deploymentId), Buffer.from(token, 'utf8'));
  }

  open(deploymentId: string, sealed: Uint8Array): string {
    return this.#rootKey.unwrap(purpose(deploymentId), sealed).toString('utf8');
  }
}

function purpose(deploymentId: string): string {
  return `deployment-credential:${deploymentId}`;
}
