-- Which Kafka cluster the positions and offsets of this database speak of: the newest generation. Each adoption of another one, or
-- of the same one anew, is a generation.
CREATE TABLE kafka_cluster (
  generation integer PRIMARY KEY,
  cluster_id text NOT NULL,
  since_ms bigint NOT NULL
);
