-- What lay outside of budgets on the first day before a budget of the period `none` was set, as `baseline_nano` has what was spent.
-- Of budgets from before nobody knows it any more.
ALTER TABLE budget
  ADD COLUMN baseline_overrun_nano numeric(38, 0) NOT NULL DEFAULT 0,
  ADD COLUMN baseline_unheld_nano numeric(38, 0) NOT NULL DEFAULT 0;
