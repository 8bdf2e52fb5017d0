-- What a model behind a KServe v2 server takes and gives, as JSON; null of all other versions.
alter table version add column signature text;
-- The platform loads the model at its server, and unloads it when the deployment is gone.
alter table deployment add column managed boolean not null default false;
