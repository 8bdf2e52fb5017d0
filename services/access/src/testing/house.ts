import type { Platform } from '@sluice/platform';
import { AccessService, KeyKind, Role, type ApiKey, type GetSnapshotResponse } from '@sluice/proto/access/v1/access';
import type { Client } from '@sluice/rpc';
import { ServiceHouse } from '@sluice/testkit/service-house';
import { createAccess, newSecret, type AccessConfig } from '../index.ts';

/** A house whose first keys are known before access has run for the first time. */
export class House extends ServiceHouse {
  readonly adminKey = newSecret('admin', this.ids);
  readonly apiKey = newSecret('inference', this.ids);

  static async build(): Promise<House> {
    return new House(await ServiceHouse.lay());
  }

  /** Starts access as a process would; what `parts` names is taken instead of the real part. */
  async start(parts: Partial<Platform> = {}, config: AccessConfig = { bootstrap: { adminKey: this.adminKey, apiKey: this.apiKey } }): Promise<Running> {
    const platform = this.platform(parts);
    const stop = await this.run(createAccess(platform, config));
    return new Running(platform, stop);
  }
}

/** One running access, and what tests ask of it all the time. */
export class Running {
  readonly platform: Platform;
  readonly access: Client<typeof AccessService>;
  readonly stop: () => Promise<void>;

  constructor(platform: Platform, stop: () => Promise<void>) {
    this.platform = platform;
    this.access = platform.connect(AccessService);
    this.stop = stop;
  }

  snapshot(): Promise<GetSnapshotResponse> {
    return this.access.getSnapshot({});
  }

  /** The first owner as an actor, and the first project. */
  async first(): Promise<{ actor: { keyId: string; organisationId: string }; projectId: string }> {
    const { keys, projects } = await this.snapshot();
    const owner = keys.find(({ role }) => role === Role.OWNER)!;
    return { actor: { keyId: owner.id, organisationId: owner.organisationId }, projectId: projects[0]!.project!.id };
  }

  async adminKey(role: Role, expiresAtMs = 0n): Promise<ApiKey> {
    const { actor } = await this.first();
    return (await this.access.createApiKey({ actor, kind: KeyKind.ADMIN, role, name: 'admin', expiresAtMs })).key!;
  }
}
