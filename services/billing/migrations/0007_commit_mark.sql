-- One for each transaction that memory follows, until a later one is known to have committed: it tells whether it did when the
-- server was started anew in between, which gives the numbers of transactions that it lost to others.
CREATE TABLE commit_mark (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  made_at timestamptz NOT NULL DEFAULT now()
);
