-- What a call cost, in nano-units of the currency of its organisation. Calls from before there were prices cost nothing.
ALTER TABLE call ADD COLUMN cost_nano bigint NOT NULL DEFAULT 0;

-- The prices that a running call was admitted with, a token: input, cached input, output, reasoning.
ALTER TABLE open_call ADD COLUMN prices bigint[] NOT NULL DEFAULT '{0,0,0,0}';
