import { Level } from '@sluice/proto/access/v1/access';
import { z } from 'zod';

const LEVELS = { organisation: Level.ORGANISATION, project: Level.PROJECT, key: Level.KEY } as const;
const names = Object.keys(LEVELS) as [keyof typeof LEVELS];

/** Where a limit or a budget is set, from outside. */
export const levelInput = z.enum(names, `it must be one of ${names.join(', ')}`).transform((name) => LEVELS[name]);

export function levelName(level: Level): string {
  return names.find((name) => LEVELS[name] === level) ?? 'unknown';
}
