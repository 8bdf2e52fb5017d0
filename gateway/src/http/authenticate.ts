import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { BodyPolicy, KeyKind, type ApiKey, type Role } from '@sluice/proto/access/v1/access';
import type { Principal } from '../domain/call.ts';
import type { KeyDirectory } from '../domain/key-directory.ts';
import { KEY_LIMIT_CHARACTERS } from './limits.ts';

/** Who administers. */
export interface Administrator {
  readonly keyId: string;
  readonly organisationId: string;
  readonly role: Role;
}

/** The copy of the access service's state that keys are looked up in. */
export interface Keys {
  readonly directory: KeyDirectory;
  /** Resolves when the copy may be trusted for one call; undefined when it may be now. Throws `access_unavailable`. */
  fresh(): Promise<void> | undefined;
  /** Resolves when calls of this project can be recorded here; undefined when they can be now. Throws `access_unavailable`. */
  recordable(projectId: string): Promise<void> | undefined;
}

const BEARER = /^bearer +/i;

/** `Authorization: Bearer <key>` to who calls. Failures are counted by the caller, not recorded. */
export class Authenticator {
  readonly #keys: Keys;
  readonly #clock: Clock;

  constructor(keys: Keys, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /**
   * @param known who it was before: whether that key is still good, and what it may do now. It is looked up by its id, which costs no hash
   * @throws missing_api_key, invalid_api_key, expired_api_key, access_unavailable
   */
  async principal(authorization: string | undefined, known?: Principal): Promise<Principal> {
    const key = await this.#key(authorization, KeyKind.INFERENCE, known?.keyId);
    const recordable = this.#keys.recordable(key.projectId);
    if (recordable) await recordable;
    const policy = this.#keys.directory.project(key.projectId)?.bodyPolicy;
    return {
      keyId: key.id,
      organisationId: key.organisationId,
      projectId: key.projectId,
      models: key.models,
      keepsBodies: policy !== BodyPolicy.DIGEST,
      keepsOriginals: policy === BodyPolicy.ORIGINAL_AND_SENT,
    };
  }

  /** @throws as `principal` */
  async administrator(authorization: string | undefined): Promise<Administrator> {
    const { id, organisationId, role } = await this.#key(authorization, KeyKind.ADMIN);
    return { keyId: id, organisationId, role };
  }

  async #key(authorization: string | undefined, kind: KeyKind, knownId?: string): Promise<ApiKey> {
    const secret = secretOf(authorization);
    const fresh = this.#keys.fresh();
    if (fresh) await fresh;
    const key = knownId === undefined ? this.#find(secret) : this.#keys.directory.key(knownId);
    if (key?.kind !== kind || key.revokedAtMs > 0n) throw new ServiceError('invalid_api_key', `Incorrect API key provided: ${masked(secret)}.`);
    if (key.expiresAtMs > 0n && Number(key.expiresAtMs) <= this.#clock.wallMs()) throw new ServiceError('expired_api_key', `Expired API key provided: ${masked(secret)}.`);
    return key;
  }

  #find(secret: string): ApiKey | undefined {
    return secret.length > KEY_LIMIT_CHARACTERS ? undefined : this.#keys.directory.find(secret);
  }
}

/** A key may contain spaces: everything behind the scheme is the key. */
function secretOf(authorization: string | undefined): string {
  const scheme = authorization === undefined ? undefined : BEARER.exec(authorization);
  const secret = scheme ? authorization!.slice(scheme[0].length) : '';
  if (secret !== '') return secret;
  throw new ServiceError('missing_api_key', "You didn't provide an API key. Provide it in the header Authorization, as in 'Authorization: Bearer YOUR_KEY'.");
}

/** Enough to recognise one's own key; of a short one nothing, because that would be too much of it. */
function masked(secret: string): string {
  const visible = secret.replace(/[^\x21-\x7e]/g, '*');
  return visible.length < 20 ? '***' : `${visible.slice(0, 5)}***${visible.slice(-2)}`;
}
