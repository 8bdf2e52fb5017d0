create table model (
  id              text primary key,
  organisation_id text not null,
  name            text not null,
  created_at_ms   bigint not null,
  removed_at_ms   bigint
);
create unique index model_by_name on model (organisation_id, name) where removed_at_ms is null;

create table version (
  id            text primary key,
  model_id      text not null references model (id),
  number        integer not null,
  digest        text not null,
  description   text not null,
  created_at_ms bigint not null,
  unique (model_id, number),
  unique (model_id, digest)
);

-- `sealed_credential` is wrapped under the root key.
create table deployment (
  id                text primary key,
  version_id        text not null references version (id),
  protocol          text not null check (protocol in ('openai', 'kserve')),
  placement         text not null check (placement in ('inside', 'external')),
  state             text not null check (state in ('active', 'draining', 'removed')),
  target            text not null,
  upstream_model    text not null,
  weights_path      text not null,
  sealed_credential bytea
);
create index deployment_by_version on deployment (version_id) where state <> 'removed';

create table alias (
  organisation_id text not null,
  name            text not null,
  model_id        text not null references model (id),
  primary key (organisation_id, name)
);
create index alias_by_model on alias (model_id);

-- What was live when: the last row of a subject at or before a moment says whether it was live then, and as what.
create table history (
  seq             bigint generated always as identity primary key,
  organisation_id text not null,
  at_ms           bigint not null,
  subject         text not null check (subject in ('deployment', 'alias')),
  subject_id      text not null,
  live            boolean not null,
  model_id        text,
  model_name      text,
  version_number  integer,
  digest          text,
  target          text
);
create index history_by_time on history (organisation_id, at_ms);

-- The record is not ours to correct.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are never changed', tg_table_name;
end $$;
create trigger version_is_immutable before update or delete or truncate on version for each statement execute function refuse_change();
create trigger history_is_append_only before update or delete or truncate on history for each statement execute function refuse_change();
