-- Prices, budgets, what is under way, and the ledger. Amounts are nano-units of the organisation's currency; days are counted since the Unix epoch, in UTC.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: the record is append-only', TG_OP, TG_TABLE_NAME;
END $$;

-- Only of organisations that chose one.
CREATE TABLE currency (
  organisation_id text PRIMARY KEY,
  currency char(3) NOT NULL
);

-- Versions: the newest one that is not of the future is in force.
CREATE TABLE price (
  id text PRIMARY KEY,
  organisation_id text NOT NULL,
  model text NOT NULL,
  currency char(3) NOT NULL,
  input_nano bigint NOT NULL CHECK (input_nano >= 0),
  cached_input_nano bigint NOT NULL CHECK (cached_input_nano >= 0),
  output_nano bigint NOT NULL CHECK (output_nano >= 0),
  reasoning_nano bigint NOT NULL CHECK (reasoning_nano >= 0),
  valid_from_ms bigint NOT NULL,
  UNIQUE (organisation_id, model, valid_from_ms)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE budget (
  organisation_id text NOT NULL,
  level text NOT NULL CHECK (level IN ('organisation', 'project', 'key')),
  subject_id text NOT NULL,
  amount_nano bigint NOT NULL CHECK (amount_nano >= 0),
  period text NOT NULL CHECK (period IN ('day', 'month', 'none')),
  -- For the period `none`: the first day, and what had been spent on it before.
  since_day bigint NOT NULL,
  baseline_nano bigint NOT NULL,
  -- What was spent and held when it was set, and on which day: as much is allowed in that period, if it is more.
  floor_nano bigint NOT NULL,
  set_day bigint NOT NULL,
  PRIMARY KEY (level, subject_id)
);
CREATE INDEX budget_of_organisation ON budget (organisation_id);

-- Calls that run, with the last durable figures, from which a call is settled that its process left behind.
CREATE TABLE open_hold (
  call_id uuid PRIMARY KEY,
  organisation_id text NOT NULL,
  project_id text NOT NULL,
  key_id text NOT NULL,
  model text NOT NULL,
  producer text NOT NULL,
  epoch bigint NOT NULL,
  day bigint NOT NULL,
  price_id text NOT NULL,
  currency text NOT NULL,
  input_nano bigint NOT NULL,
  cached_input_nano bigint NOT NULL,
  output_nano bigint NOT NULL,
  reasoning_nano bigint NOT NULL,
  amount_nano bigint NOT NULL,
  limited boolean NOT NULL,
  held_output_tokens bigint NOT NULL,
  input_tokens bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX open_hold_epoch ON open_hold (producer, epoch);

-- The newest epoch of each producer whose close has been taken in.
CREATE TABLE closed_epoch (
  producer text PRIMARY KEY,
  epoch bigint NOT NULL
);

CREATE TABLE account (
  organisation_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('usage', 'overrun', 'revenue')),
  PRIMARY KEY (organisation_id, kind)
);

-- One for all calls of a batch that have these in common.
CREATE TABLE ledger_transaction (
  id uuid PRIMARY KEY,
  organisation_id text NOT NULL,
  project_id text NOT NULL,
  key_id text NOT NULL,
  model text NOT NULL,
  price_id text NOT NULL,
  day bigint NOT NULL,
  booked_at_ms bigint NOT NULL
);
CREATE INDEX ledger_transaction_of_organisation ON ledger_transaction (organisation_id, day);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction_id uuid NOT NULL REFERENCES ledger_transaction,
  organisation_id text NOT NULL,
  kind text NOT NULL,
  currency char(3) NOT NULL,
  -- Debits are above zero, credits below.
  amount_nano bigint NOT NULL CHECK (amount_nano <> 0),
  FOREIGN KEY (organisation_id, kind) REFERENCES account
);
CREATE INDEX entry_of_transaction ON entry (transaction_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- All legs of a transaction are inserted by one statement, so what a statement adds must sum to zero.
CREATE FUNCTION entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM added GROUP BY transaction_id, currency HAVING sum(amount_nano) <> 0) THEN
    RAISE EXCEPTION 'a transaction of the ledger does not sum to zero' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER balanced AFTER INSERT ON entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entries_balance();

-- One for each call, for ever: its key is what bills a call once. Without a foreign key, which would be checked row by row.
CREATE TABLE item (
  call_id uuid PRIMARY KEY,
  transaction_id uuid NOT NULL,
  input_tokens bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL CHECK (cost_nano >= 0),
  -- Part of the cost above a limited hold: counts against no budget.
  overrun_nano bigint NOT NULL CHECK (overrun_nano BETWEEN 0 AND cost_nano),
  -- Part of the cost above a hold that no budget limited.
  unheld_nano bigint NOT NULL CHECK (unheld_nano BETWEEN 0 AND cost_nano)
);
CREATE INDEX item_of_transaction ON item (transaction_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON item FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Projections of the items.
CREATE TABLE spend_day (
  level text NOT NULL,
  subject_id text NOT NULL,
  day bigint NOT NULL,
  organisation_id text NOT NULL,
  spent_nano bigint NOT NULL,
  overrun_nano bigint NOT NULL,
  unheld_nano bigint NOT NULL,
  PRIMARY KEY (level, subject_id, day)
) WITH (fillfactor = 50);
CREATE INDEX spend_day_newest ON spend_day (day);

CREATE TABLE usage_day (
  organisation_id text NOT NULL,
  day bigint NOT NULL,
  project_id text NOT NULL,
  key_id text NOT NULL,
  model text NOT NULL,
  calls bigint NOT NULL,
  input_tokens bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  overrun_nano bigint NOT NULL,
  PRIMARY KEY (organisation_id, day, project_id, key_id, model)
) WITH (fillfactor = 50);
