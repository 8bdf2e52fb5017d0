-- A budget of another period that had the period `none` before: `since_day` and the baselines are still of the moment when that
-- was set first, so that it goes on where it stood when it is `none` again.
ALTER TABLE budget ADD COLUMN is_counting boolean NOT NULL DEFAULT false;
