import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processEnvironment } from '@sluice/config';
import { endScript, startScript } from '../load/script-process.ts';
import type { UpstreamReady } from '../load/upstream.ts';
import { TcpProxy } from '../proxy/tcp-proxy.ts';
import { Platform } from './platform.ts';
import { Servers } from './servers.ts';
import { makeTenant, type Tenant } from './tenant.ts';

/** Everything that faults are done to: a mesh on its servers, a model on one of them, and one whose server is a process of its own. */
export interface House extends AsyncDisposable {
  /** Where receipts may be put; gone at the end. */
  readonly folder: string;
  readonly servers: Servers;
  readonly platform: Platform;
  readonly tenant: Tenant;
  /** The bad networks that can be had, by what lies behind them: each engine, and `upstream`. */
  readonly proxies: ReadonlyMap<string, TcpProxy>;
}

/** @param logs where the logs of everything are put at its end */
export async function openHouse({ threeBrokers, logs }: { readonly threeBrokers: boolean; readonly logs?: string | undefined }): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-chaos-'));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  try {
    const upstream = startScript('./upstream.ts');
    stack.defer(async () => endScript(upstream));
    const [{ port }] = (await once(upstream, 'message')) as [UpstreamReady];
    const toUpstream = stack.use(await TcpProxy.open({ host: '127.0.0.1', port }));
    const servers = stack.use(await Servers.start(folder, threeBrokers, processEnvironment));
    // Behind the end of the mesh, before the servers are taken away with all they have.
    if (logs !== undefined) stack.defer(() => ['data', 'stack'].forEach((of) => cpSync(join(folder, of, 'logs'), join(logs, of), { recursive: true })));
    const platform = stack.use(await Platform.start(folder, servers.viaProxies, processEnvironment));
    const tenant = await makeTenant(platform, { openaiUrl: `http://127.0.0.1:${toUpstream.port}`, tritonAddress: servers.triton });
    const proxies = new Map([...servers.proxies, ['upstream', toUpstream]]);
    return { folder, servers, platform, tenant, proxies, [Symbol.asyncDispose]: async () => stack.disposeAsync() };
  } catch (failure) {
    await stack.disposeAsync();
    throw failure;
  }
}
