-- The pepper of all key hashes, wrapped under the root key; made once.
create table pepper (
  only_one boolean primary key default true check (only_one),
  sealed   bytea not null
);

create table organisation (
  id            text primary key,
  name          text not null,
  created_at_ms bigint not null
);

create table project (
  id              text primary key,
  organisation_id text not null references organisation (id),
  name            text not null,
  body_policy     text not null check (body_policy in ('sent', 'original_and_sent', 'digest')),
  created_at_ms   bigint not null,
  unique (organisation_id, name)
);

-- AES-256 keys of bodies, wrapped under the root key. The newest seals; all open.
create table data_key (
  id            text primary key,
  project_id    text not null references project (id),
  sealed        bytea not null,
  created_at_ms bigint not null
);
create index data_key_by_project on data_key (project_id);

-- No secret: `keyed_hash` is HMAC-SHA-256 under the pepper.
create table api_key (
  id              text primary key,
  organisation_id text not null references organisation (id),
  kind            text not null check (kind in ('inference', 'admin')),
  project_id      text references project (id),
  role            text check (role in ('owner', 'member', 'auditor')),
  name            text not null,
  prefix          text not null,
  keyed_hash      bytea not null unique,
  models          text[] not null,
  created_at_ms   bigint not null,
  expires_at_ms   bigint,
  revoked_at_ms   bigint,
  check ((kind = 'inference') = (project_id is not null)),
  check ((kind = 'admin') = (role is not null))
);
create index api_key_by_organisation on api_key (organisation_id) where revoked_at_ms is null;
