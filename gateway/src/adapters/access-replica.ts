import { ServiceError } from '@sluice/errors';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { AccessService } from '@sluice/proto/access/v1/access';
import type { Platform } from '@sluice/platform';
import type { KeyDirectory } from '../domain/key-directory.ts';
import { OLD_AFTER_MS, OwnerReplica } from './owner-replica.ts';

/** Keys are not judged by a copy that is older than this: a revoked key must not live on. */
const TOO_OLD_AFTER_MS = 30_000;
const SNAPSHOT_TIMEOUT_MS = 2_000;

/** The copy of keys and projects. */
export class AccessReplica {
  readonly directory: KeyDirectory;
  readonly replica: OwnerReplica<typeof AccessChangedSchema>;

  constructor(platform: Pick<Platform, 'connect' | 'events' | 'clock' | 'logger'>, directory: KeyDirectory) {
    const access = platform.connect(AccessService);
    this.directory = directory;
    this.replica = new OwnerReplica(
      {
        name: 'access',
        schema: AccessChangedSchema,
        load: async () => {
          const snapshot = await access.getSnapshot({}, { timeoutMs: SNAPSHOT_TIMEOUT_MS });
          directory.load(snapshot);
          return snapshot.position;
        },
        apply: (change) => directory.apply(change),
      },
      platform,
    );
  }

  /** Resolves when the copy may be trusted; undefined when it may be now. An old copy is loaded anew, a very old one refused. */
  fresh(): Promise<void> | undefined {
    return this.replica.ageMs() < OLD_AFTER_MS ? undefined : this.#refresh();
  }

  async #refresh(): Promise<void> {
    try {
      await this.replica.reload();
    } catch (thrown) {
      if (this.replica.ageMs() > TOO_OLD_AFTER_MS) throw new ServiceError('access_unavailable', 'API keys cannot be checked at the moment.', { cause: thrown });
    }
  }
}
