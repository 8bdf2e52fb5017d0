-- Who keeps the book is decided by an advisory lock; this tells whether anybody kept it in between, and how the last one ended.
CREATE TABLE book_term (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- One more with each process, and each time, that the book is taken up.
  term bigint NOT NULL,
  -- Put down in order: nothing is given out of that book any more.
  is_ended boolean NOT NULL
);
