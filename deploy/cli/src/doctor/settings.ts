import { ConfigError } from '@sluice/config';
import { meshShape } from '@sluice/host';
import { readAllSettings, unknownSettings, type Settings } from '../up/all-settings.ts';
import { printableLine } from '../terminal/printable.ts';
import { Findings, type Finding } from './finding.ts';

/** All faults of the environment; the settings themselves where there is none. */
export function lookAtSettings(): { readonly findings: readonly Finding[]; readonly settings: Settings | undefined } {
  const found = new Findings('settings');
  // Those of a process of a mesh are none of `up`; the looks at its servers and certificates read them.
  const unknown = unknownSettings().filter((name) => !(name in meshShape));
  for (const name of unknown) found.warn(printableLine(name), 'is no setting of sluice up and has no effect there', 'look for the right name in docs/settings.md, or take it out of the environment');
  try {
    const settings = readAllSettings();
    found.ok('environment', 'every setting has a value that it can have');
    return { findings: found.all, settings };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) {
      const [name = '', ...rest] = fault.split(': ');
      found.wrong(name, rest.join(': '), 'set it right, or take it out of the environment; docs/settings.md describes it');
    }
    return { findings: found.all, settings: undefined };
  }
}
