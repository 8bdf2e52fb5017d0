-- The process that took the book up last, as a process of its machine, and empty where that is not known: whoever can see that it is gone need not wait for it.
ALTER TABLE book_term ADD COLUMN holder text NOT NULL DEFAULT '';
