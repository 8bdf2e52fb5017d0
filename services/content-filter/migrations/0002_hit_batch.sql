-- The last batch of hits that was kept of each process, by which one that comes again is known.
create table hit_batch (
  sender     text primary key,
  number     bigint not null,
  kept_at_ms bigint not null
);
