import { z } from 'zod';
import { platformFile } from './platform-file.ts';

/** The JSON Schema (2020-12) of a platform file, as docs/platform.schema.json has it: by it editors complete and check. */
export function fileSchemaText(): string {
  const schema = { title: 'A Sluice platform', description: 'What a platform should be: read by `sluice apply`, written by `sluice export`.', ...z.toJSONSchema(platformFile, { io: 'input' }) };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
