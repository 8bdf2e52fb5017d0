-- The key under which hits are told apart without their text, wrapped under the root key; made once.
create table hit_key (
  only_one boolean primary key default true check (only_one),
  sealed   bytea not null
);

-- Whoever changes a rule of an organisation counts its version up, and so is the only one who does.
create table organisation_policy (
  organisation_id text primary key,
  version         bigint not null
);

-- Rules are never changed, and stay when they are removed: those in force at version V are the rows with
-- added_version <= V that were not removed at or before V.
create table rule (
  id              text primary key,
  organisation_id text not null references organisation_policy (organisation_id),
  project_id      text,
  kind            text not null check (kind in ('word', 'regex', 'pii:email', 'pii:phone', 'pii:cn_id', 'pii:bank_card', 'pii:credit_card', 'pii:iban', 'pii:ip', 'pii:uscc')),
  -- One pattern a line: an array of 100,000 texts would be parsed piece by piece on the event loop.
  patterns        text not null,
  pattern_count   integer not null,
  -- SHA-256 of `patterns`.
  digest          bytea not null,
  action          text not null check (action in ('block', 'mask', 'flag', 'allow')),
  direction       text not null check (direction in ('in', 'out', 'both')),
  title           text not null,
  created_at_ms   bigint not null,
  added_version   bigint not null,
  removed_at_ms   bigint,
  removed_version bigint,
  check (action <> 'allow' or kind = 'word'),
  check ((removed_at_ms is null) = (removed_version is null))
);
create index rule_in_force on rule (organisation_id) where removed_version is null;

create function refuse_rule_change() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' or old.removed_version is not null
     or (to_jsonb(new) - 'removed_at_ms' - 'removed_version') <> (to_jsonb(old) - 'removed_at_ms' - 'removed_version') then
    raise exception 'a rule of the filter is never changed, only removed';
  end if;
  return new;
end $$;
create trigger rule_is_kept before update or delete on rule for each row execute function refuse_rule_change();
create trigger rule_is_not_truncated before truncate on rule for each statement execute function refuse_rule_change();

-- How often a rule spoke, by the project of the calls and the day in UTC.
create table hits_of_day (
  organisation_id text not null,
  -- Days since 1970-01-01.
  day             integer not null,
  rule_id         text not null,
  project_id      text not null,
  blocked         bigint not null,
  masked          bigint not null,
  flagged         bigint not null,
  last_hit_ms     bigint not null,
  primary key (organisation_id, day, rule_id, project_id)
);
