-- What a call cost, in nano-units of the currency of its organisation. Calls from before there were prices cost nothing.
ALTER TABLE call ADD COLUMN cost_nano bigint NOT NULL DEFAULT 0;
