-- The record of calls and acts, and the transparency log over it.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: the record is append-only', TG_OP, TG_TABLE_NAME;
END $$;

-- The log's own row. Locked by whoever appends or signs, so there is one writer and one signer at a time.
CREATE TABLE log (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  origin text NOT NULL,
  sealed_seed bytea NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  -- The right edge of the tree: one hash for each set bit of the size.
  frontier bytea NOT NULL
);

CREATE TABLE leaf (
  idx bigint PRIMARY KEY CHECK (idx >= 0),
  entry bytea NOT NULL CHECK (octet_length(entry) <= 65535),
  leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON leaf FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Roots of full tiles: a hash in a tile of level 1 and above.
CREATE TABLE node (
  level smallint NOT NULL CHECK (level >= 1),
  idx bigint NOT NULL CHECK (idx >= 0),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (level, idx)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON node FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE checkpoint (
  size bigint PRIMARY KEY CHECK (size >= 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  note bytea NOT NULL,
  signed_at_ms bigint NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Segments as they came, sealed. Partitions are made by month when the first segment of a month arrives; a trigger of
-- this table does not guard its partitions, so each gets its own. Retention drops whole partitions.
CREATE TABLE segment (
  producer text NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  built_at_ms bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('segment', 'late', 'unreadable')),
  bytes bytea NOT NULL,
  -- For a late or unreadable one: the salt of the commitment in its leaf.
  salt bytea,
  PRIMARY KEY (producer, epoch, seq, built_at_ms)
) PARTITION BY RANGE (built_at_ms);
-- The bytes are sealed, and random bytes do not compress.
ALTER TABLE segment ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON segment FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row per call: inserted when it is admitted or refused, changed once, at its end.
CREATE TABLE call (
  call_id uuid PRIMARY KEY,
  organisation_id text NOT NULL,
  project_id text NOT NULL,
  key_id text NOT NULL,
  model text NOT NULL,
  stream boolean NOT NULL,
  admitted_at_ms bigint NOT NULL,
  producer text NOT NULL,
  epoch bigint NOT NULL,
  -- Segments that hold its records, as far as they came in the batch that brought the call; more in call_part.
  seqs bigint[] NOT NULL,
  status text NOT NULL,
  ended_at_ms bigint NOT NULL,
  error_code text NOT NULL,
  http_status bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  estimated boolean NOT NULL,
  output_bytes bigint NOT NULL,
  version_id text NOT NULL,
  deployment_id text NOT NULL,
  duration_ms bigint NOT NULL,
  first_output_ms bigint NOT NULL,
  leaf_index bigint,
  -- For an abandoned call, whose leaf audit makes itself: the digest of what was durable, and what its salts come from.
  output_chain bytea,
  salt_seed bytea
) WITH (fillfactor = 90);
CREATE INDEX call_newest_first ON call (organisation_id, admitted_at_ms DESC, call_id DESC);

-- Segments of a call that came in later batches, or (fragments of a large prompt) in earlier ones.
CREATE TABLE call_part (
  call_id uuid NOT NULL,
  producer text NOT NULL,
  epoch bigint NOT NULL,
  first_seq bigint NOT NULL,
  seqs bigint[] NOT NULL,
  PRIMARY KEY (call_id, producer, epoch, first_seq)
);

-- Calls that run: the last durable figures, from which an abandoned call is settled.
CREATE TABLE open_call (
  call_id uuid PRIMARY KEY,
  producer text NOT NULL,
  epoch bigint NOT NULL,
  last_seq bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  estimated boolean NOT NULL,
  output_bytes bigint NOT NULL,
  output_chain bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX open_call_epoch ON open_call (producer, epoch);

-- What administrators did.
CREATE TABLE act (
  leaf_index bigint PRIMARY KEY,
  id text NOT NULL UNIQUE,
  organisation_id text NOT NULL,
  actor_key_id text NOT NULL,
  actor_organisation_id text NOT NULL,
  action text NOT NULL,
  object text NOT NULL,
  acted_at_ms bigint NOT NULL,
  detail_json text NOT NULL,
  salt_seed bytea NOT NULL
);
CREATE INDEX act_newest_first ON act (organisation_id, leaf_index DESC);

-- What retention has removed; bodies built before the latest `before_ms` are gone. Only moves forward.
CREATE TABLE pruning (
  before_ms bigint PRIMARY KEY,
  pruned_at_ms bigint NOT NULL,
  leaf_index bigint NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pruning FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
