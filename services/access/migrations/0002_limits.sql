-- How much may be asked for in the name of an organisation, a project or a key. 0: no limit of that kind.
create table subject_limits (
  organisation_id     text not null references organisation (id),
  level               text not null check (level in ('organisation', 'project', 'key')),
  subject_id          text not null,
  requests_per_minute bigint not null check (requests_per_minute >= 0),
  tokens_per_minute   bigint not null check (tokens_per_minute >= 0),
  concurrent_requests bigint not null check (concurrent_requests >= 0),
  requests_per_day    bigint not null check (requests_per_day >= 0),
  primary key (organisation_id, level, subject_id),
  check (requests_per_minute + tokens_per_minute + concurrent_requests + requests_per_day > 0)
);

-- Bounds and default of one parameter of requests. No project: every project; no model: every model.
create table parameter_rule (
  id              text primary key,
  organisation_id text not null references organisation (id),
  project_id      text references project (id),
  model           text,
  parameter       text not null,
  min             double precision,
  max             double precision,
  default_value   double precision,
  out_of_bounds   text not null check (out_of_bounds in ('clip', 'refuse')),
  created_at_ms   bigint not null,
  unique nulls not distinct (organisation_id, project_id, model, parameter),
  check (min is not null or max is not null or default_value is not null)
);
