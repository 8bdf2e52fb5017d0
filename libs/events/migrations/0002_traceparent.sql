-- The trace in which a record was published (W3C Trace Context, header `traceparent`); null in none.
ALTER TABLE record ADD COLUMN traceparent text;
