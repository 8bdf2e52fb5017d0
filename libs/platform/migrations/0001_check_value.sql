-- A secret wrapped under the root key that this database was begun with; nothing that is wrapped in it opens with another.
CREATE TABLE check_value (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  purpose  text NOT NULL,
  sealed   bytea NOT NULL
);

-- A database that was begun before there was this table says it by what its services wrapped first.
DO $$
BEGIN
  IF to_regclass('access.pepper') IS NOT NULL THEN
    INSERT INTO check_value (purpose, sealed) SELECT 'key-hash-pepper', sealed FROM access.pepper ON CONFLICT DO NOTHING;
  END IF;
  IF to_regclass('audit.log') IS NOT NULL THEN
    INSERT INTO check_value (purpose, sealed) SELECT 'audit.checkpoint', sealed_seed FROM audit.log ON CONFLICT DO NOTHING;
  END IF;
  IF to_regclass('content_filter.hit_key') IS NOT NULL THEN
    INSERT INTO check_value (purpose, sealed) SELECT 'content-filter-hit-key', sealed FROM content_filter.hit_key ON CONFLICT DO NOTHING;
  END IF;
  IF to_regclass('model_registry.deployment') IS NOT NULL THEN
    INSERT INTO check_value (purpose, sealed)
    SELECT 'deployment-credential:' || id, sealed_credential FROM model_registry.deployment WHERE sealed_credential IS NOT NULL LIMIT 1
    ON CONFLICT DO NOTHING;
  END IF;
END $$;
