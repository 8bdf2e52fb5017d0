-- The part of a call's cost above a limited hold, which is not billed. Of calls that ended before it was indexed it is not known.
ALTER TABLE call ADD COLUMN overrun_nano bigint NOT NULL DEFAULT 0;

-- What is set aside for a running call; null where no budget limits it.
ALTER TABLE open_call ADD COLUMN held_nano bigint;
