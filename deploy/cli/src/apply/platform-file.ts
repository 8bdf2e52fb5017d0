import { z } from 'zod';

/** The version of the format: raised when an older Sluice would read a file otherwise than it is meant. */
export const FILE_VERSION = 1;

export const LIMIT_NAMES = ['requests_per_minute', 'tokens_per_minute', 'concurrent_requests', 'requests_per_day'] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

export const PII_KINDS = ['email', 'phone', 'cn_id', 'bank_card', 'credit_card', 'iban', 'ip', 'uscc'].map((type) => `pii:${type}`);

const text = (maxCharacters: number) => z.string().min(1, 'must not be empty').max(maxCharacters, `must have at most ${maxCharacters} characters`).regex(/^\P{Cc}*$/u, 'must not hold control characters').regex(/\S/, 'must not be blank');
const name = text(256);
/** Of what access keeps, and of a rule's title. */
const shortName = text(100);
const modelName = text(200);
const id = (of: string, prefix: string) => name.describe(`Id of ${of}, as ${prefix}_01jd...; needed only where its name is not unique.`);
const NANO = 'must be a whole number of nano-units, at least 0 and of at most 18 digits';
const nano = z
  .union([z.int().min(0, NANO), z.string().regex(/^\d{1,18}$/, NANO)], NANO)
  .transform(String);
/** As much the platform takes of a limit, and of a price of a token in nano-units. */
const MAX = 1_000_000_000_000;
const limit = z.int('must be a whole number').min(0, 'must not be negative').max(MAX, `must be at most ${MAX}`).nullable();
const tokenPrice = nano.refine((text) => BigInt(text) <= BigInt(MAX), `must be at most ${MAX}`);

const limits = z
  .strictObject({
    requests_per_minute: limit.optional().describe('Requests in any 60 seconds; null or 0: no limit.'),
    tokens_per_minute: limit.optional().describe('Tokens in any 60 seconds, of input and output together; null or 0: no limit.'),
    concurrent_requests: limit.optional().describe('Requests that run at once; null or 0: no limit.'),
    requests_per_day: limit.optional().describe('Requests in any 24 hours; null or 0: no limit.'),
  })
  .describe('How much may be asked for. A limit that is not given stays as it is.');

const budget = z
  .strictObject({
    amount: nano.describe('Nano-units (10^-9) of the currency, as 2500000000 for 2.50; a string beyond 9007199254740991.'),
    period: z.enum(['day', 'month', 'none'], 'must be day, month or none').describe('What the amount is for; days and months of UTC.'),
  })
  .nullable()
  .describe('What may be spent; null: nothing limits it.');

const key = z.strictObject({
  name: shortName.describe('What the key is for: by it the key is found.'),
  id: id('the key', 'key').optional(),
  models: z.array(name).max(1000).optional().describe('Models and aliases that the key may use; absent or empty: every one.'),
  expires_at: z.iso.datetime({ offset: true, error: 'must be a time as in 2027-01-31T12:00:00Z' }).optional().describe('When the key stops working; absent: never.'),
  limits: limits.optional(),
  budget: budget.optional(),
});

const project = z.strictObject({
  name: shortName.describe('By it the project is found.'),
  bodies: z.enum(['sent', 'original_and_sent', 'digest'], 'must be sent, original_and_sent or digest').optional().describe('What the audit keeps of what is said; chosen with the project (absent: sent), and never changed.'),
  limits: limits.optional(),
  budget: budget.optional(),
  keys: z.array(key).optional().describe('Keys of the project, never their secrets: that of a new one is shown once.'),
});

const adminKey = z.strictObject({
  name: shortName.describe('Whom the key is for: by it the key is found.'),
  id: id('the key', 'key').optional(),
  role: z.enum(['owner', 'member', 'auditor'], 'must be owner, member or auditor'),
  expires_at: key.shape.expires_at,
});

const secretSource = z
  .strictObject({ env: name.optional().describe('Name of an environment variable of the command.'), file: name.optional().describe('A file, seen from the folder of this one.') })
  .describe('Where the key for the server is read from when the deployment is made: one of env and file.');

const deployment = z.strictObject({
  openai: name.optional().describe('An OpenAI-compatible server: the address that ends before /chat/completions.'),
  kserve: name.optional().describe('A KServe v2 server, such as NVIDIA Triton: host:port of its gRPC. It is asked for the model when the deployment is made.'),
  upstream_model: name.optional().describe("The model's name at that server (absent: the same name)."),
  external: z.boolean().optional().describe('Prompts leave the house there: they are recorded before.'),
  load: z.boolean().optional().describe('With kserve: the platform loads the model there, and unloads it when it is removed.'),
  api_key_from: secretSource.optional(),
  gguf: name.optional().describe('Weights for the local engine: a file, seen from the folder of this one. Needed only where the platform has not got them.'),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits').optional().describe('SHA-256 of the weights.'),
});

const price = z
  .strictObject({
    input: tokenPrice,
    output: tokenPrice,
    cached_input: tokenPrice.optional().describe('Absent: as input.'),
    reasoning: tokenPrice.optional().describe('Absent: as output.'),
  })
  .describe('Nano-units (10^-9) of the currency a token.');

const model = z.strictObject({
  name: modelName.describe('What clients call it.'),
  aliases: z.array(modelName).optional().describe('Other names for it.'),
  deployments: z.array(deployment).optional().describe('Where it is answered.'),
  price: price.optional(),
});

const parameterRule = z.strictObject({
  parameter: name.describe('temperature, top_p, max_tokens, n, presence_penalty or frequency_penalty.'),
  project: name.optional().describe('Name of a project (absent: every one).'),
  model: name.optional().describe('Name of a model or an alias (absent: every one).'),
  min: z.number().optional(),
  max: z.number().optional(),
  default: z.number().optional().describe('Sent where a request has none.'),
  on_violation: z.enum(['refuse', 'clip'], 'must be refuse or clip').default('refuse').describe('What happens to a value out of bounds.'),
});

const filterRule = z.strictObject({
  title: shortName.optional().describe('What whoever is refused is told; it must not hold what the rule looks for.'),
  kind: z.enum(['word', 'regex', ...PII_KINDS], `must be word, regex, or one of ${PII_KINDS.join(', ')}`).default('word'),
  words: z.array(z.string()).optional().describe('What a rule of the kind word looks for.'),
  words_file: name.optional().describe('The same from a file, a word a line, seen from the folder of this one.'),
  regex: z.string().optional().describe('What a rule of the kind regex looks for.'),
  action: z.enum(['block', 'mask', 'flag', 'allow'], 'must be block, mask, flag or allow').default('block'),
  direction: z.enum(['in', 'out', 'both'], 'must be in, out or both').default('both').describe('Prompts, answers or both.'),
  project: name.optional().describe('Name of a project (absent: every one).'),
});

/** What a platform should be, as `apply` reads it and `export` writes it. What is absent is left as it is. */
export const platformFile = z.strictObject({
  sluice: z.literal(FILE_VERSION, `must be ${FILE_VERSION}: the version of this format`).describe('Version of this format.'),
  organisation: z
    .strictObject({
      currency: z.string().regex(/^[A-Z]{3}$/, 'must be a currency by ISO 4217, as USD').optional().describe('Of all amounts, by ISO 4217; chosen before the first price.'),
      limits: limits.optional(),
      budget: budget.optional(),
    })
    .optional(),
  models: z.array(model).optional(),
  projects: z.array(project).optional(),
  admin_keys: z.array(adminKey).optional(),
  parameter_rules: z.array(parameterRule).optional().describe('Bounds and defaults of what a request may say.'),
  filter_rules: z.array(filterRule).optional().describe('What may go into a model and come out of one.'),
});

export type PlatformFile = z.output<typeof platformFile>;
export type FileModel = NonNullable<PlatformFile['models']>[number];
export type FileDeployment = NonNullable<FileModel['deployments']>[number];
export type FilePrice = NonNullable<FileModel['price']>;
export type FileProject = NonNullable<PlatformFile['projects']>[number];
export type FileKey = NonNullable<FileProject['keys']>[number];
export type FileAdminKey = NonNullable<PlatformFile['admin_keys']>[number];
export type FileParameterRule = NonNullable<PlatformFile['parameter_rules']>[number];
export type FileFilterRule = NonNullable<PlatformFile['filter_rules']>[number];
export type FileLimits = z.output<typeof limits>;
export type FileBudget = z.output<typeof budget>;
export type SecretSource = z.output<typeof secretSource>;
