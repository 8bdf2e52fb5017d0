import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '@sluice/telemetry';
import { startHost } from './host.ts';

const SCRIPT = Symbol('script');

interface Script {
  readonly said: string[];
  readonly name: string;
  readonly fails?: 'start' | 'stop';
}

class Address {
  readonly url = 'http://127.0.0.1:1';
}

@Module({})
class ScriptedService implements OnModuleInit, OnApplicationShutdown {
  readonly #script: Script;

  constructor(@Inject(SCRIPT) script: Script) {
    this.#script = script;
  }

  async onModuleInit(): Promise<void> {
    await Promise.resolve();
    if (this.#script.fails === 'start') throw new Error(`${this.#script.name} cannot start`);
    this.#script.said.push(`start ${this.#script.name}`);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.resolve();
    if (this.#script.fails === 'stop') throw new Error(`${this.#script.name} cannot stop`);
    this.#script.said.push(`stop ${this.#script.name}`);
  }
}

function service(script: Script, providers: DynamicModule['providers'] = []): DynamicModule {
  return { module: ScriptedService, providers: [{ provide: SCRIPT, useValue: script }, ...providers] };
}

describe('the host', () => {
  it('starts the services stage by stage and stops them in the reverse of their order, once', async () => {
    const said: string[] = [];
    const host = await startHost({ logger: silentLogger, stages: [['access', 'registry'], ['gateway']].map((names) => names.map((name) => service({ said, name }))) });
    expect(said.slice(0, 2).toSorted()).toEqual(['start access', 'start registry']);
    expect(said[2]).toBe('start gateway');
    said.length = 0;
    await Promise.all([host.stop(), host.stop()]);
    expect(said).toEqual(['stop gateway', 'stop registry', 'stop access']);
  });

  it('hands out what a service offers', async () => {
    const said: string[] = [];
    const host = await startHost({ logger: silentLogger, stages: [[service({ said, name: 'a' }), service({ said, name: 'b' }, [Address])]] });
    expect(host.get(Address).url).toBe('http://127.0.0.1:1');
    class Unknown {}
    expect(() => host.get(Unknown)).toThrow('offers Unknown');
    await host.stop();
  });

  it('throws the failure of a start and leaves no other service running', async () => {
    const said: string[] = [];
    const stages = [[service({ said, name: 'access' })], [service({ said, name: 'router', fails: 'start' }), service({ said, name: 'engine' })], [service({ said, name: 'gateway' })]];
    await expect(startHost({ logger: silentLogger, stages })).rejects.toThrow('router cannot start');
    expect(said).toEqual(['start access', 'start engine', 'stop engine', 'stop access']);
  });

  it('stops the others when one cannot stop', async () => {
    const said: string[] = [];
    const host = await startHost({ logger: silentLogger, stages: [[service({ said, name: 'access' })], [service({ said, name: 'router', fails: 'stop' })]] });
    await host.stop();
    expect(said).toContain('stop access');
  });
});
