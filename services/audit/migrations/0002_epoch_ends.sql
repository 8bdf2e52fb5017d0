-- How many calls of each open epoch have their end in the log. When the epoch is closed, its leaf states the number and the
-- row goes.
CREATE TABLE epoch_ends (
  producer text NOT NULL,
  epoch bigint NOT NULL,
  ends bigint NOT NULL CHECK (ends > 0),
  PRIMARY KEY (producer, epoch)
) WITH (fillfactor = 50);
INSERT INTO epoch_ends (producer, epoch, ends) SELECT producer, epoch, count(*) FROM call WHERE leaf_index IS NOT NULL GROUP BY producer, epoch;
