import { z } from 'zod';
import { MAX_NAME_CHARACTERS } from './domain/check.ts';
import { SECRET_PATTERNS } from './domain/secret.ts';

const name = z.string().min(1).max(MAX_NAME_CHARACTERS).default('default');

/** Settings of access. `bootstrap` comes from whoever starts the house, never from the environment, where others could read it. */
export const accessConfig = {
  /** Opens an empty house: an organisation with a project, an owner key and an inference key of exactly these secrets. */
  bootstrap: z
    .object({
      adminKey: z.string().regex(SECRET_PATTERNS.admin, 'must be sk-sluice-admin- and 43 characters of base64url'),
      apiKey: z.string().regex(SECRET_PATTERNS.inference, 'must be sk-sluice- and 43 characters of base64url'),
      organisationName: name,
      projectName: name,
    })
    .optional(),
};

/** What createAccess takes; checked there. */
export type AccessConfig = z.input<z.ZodObject<typeof accessConfig>>;
