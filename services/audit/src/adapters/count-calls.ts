import { ServiceError } from '@sluice/errors';
import type { CountCallsRequest } from '@sluice/proto/audit/v1/audit';
import type { Sql } from '@sluice/sql';

/** An answer has 145 rows a subject at most when it is about a day. */
const MAX_SUBJECTS = 200;
const BUCKET_MS = 600_000;

interface CountRow {
  readonly subject_id: string;
  readonly last_ms: bigint;
  readonly calls: bigint;
}

/** Calls of one organisation that came in a time, by its subjects and by ten minutes. Errors: `invalid_value`. */
export async function countCalls(sql: Sql, { organisationId, subjectIds, sinceMs, untilMs, countedRefusals }: CountCallsRequest): Promise<{ subjectId: string; lastMs: bigint; calls: bigint }[]> {
  if (subjectIds.length > MAX_SUBJECTS) throw new ServiceError('invalid_value', `\`subject_ids\` may hold ${MAX_SUBJECTS}.`, { param: 'subject_ids' });
  // Counted by key first, so that the many rows are read once and only their few sums are looked at for all three levels.
  // The ids of organisations, projects and keys are unlike, so one comparison is enough.
  const rows = await sql.query<CountRow>(
    `WITH counted AS (
       SELECT organisation_id, project_id, key_id, admitted_at_ms / ${BUCKET_MS} AS bucket, max(admitted_at_ms) AS last_ms, count(*) AS calls
       FROM call
       WHERE organisation_id = $1 AND admitted_at_ms >= $2 AND admitted_at_ms < $3 AND (status <> 'refused' OR error_code = ANY ($5::text[]))
       GROUP BY organisation_id, project_id, key_id, bucket)
     SELECT s.subject_id, max(c.last_ms) AS last_ms, sum(c.calls)::bigint AS calls
     FROM counted c CROSS JOIN LATERAL (VALUES (c.organisation_id), (c.project_id), (c.key_id)) AS s (subject_id)
     WHERE s.subject_id = ANY ($4::text[])
     GROUP BY s.subject_id, c.bucket ORDER BY last_ms`,
    [organisationId, sinceMs, untilMs, subjectIds, countedRefusals],
  );
  return rows.map(({ subject_id, last_ms, calls }) => ({ subjectId: subject_id, lastMs: last_ms, calls }));
}
