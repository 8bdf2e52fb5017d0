-- A call costs at most 10^15 nano-units, so some ten thousand of them can add up to more than a bigint holds. A sum that does not
-- fit would keep everything behind it from being billed.
ALTER TABLE entry ALTER COLUMN amount_nano TYPE numeric(38, 0);
ALTER TABLE spend_day
  ALTER COLUMN spent_nano TYPE numeric(38, 0),
  ALTER COLUMN overrun_nano TYPE numeric(38, 0),
  ALTER COLUMN unheld_nano TYPE numeric(38, 0);
ALTER TABLE usage_day
  ALTER COLUMN cost_nano TYPE numeric(38, 0),
  ALTER COLUMN overrun_nano TYPE numeric(38, 0);
ALTER TABLE budget
  ALTER COLUMN baseline_nano TYPE numeric(38, 0),
  ALTER COLUMN floor_nano TYPE numeric(38, 0);
