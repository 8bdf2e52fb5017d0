import { describe, expect, it } from '@jest/globals';
import { CONTRACTION_MARK } from '@sluice/sql';
import { readRepositoryFile, repositoryFiles } from './repository.ts';

/**
 * While an upgrade rolls on, the version before works on the same tables. So a migration expands: it adds what older code
 * does not know and need not fill. What takes away or narrows is a step of its own, one release after the last code that
 * needed it, and says so on the line above: `-- contract: unused since 1.4`. The mark goes with the migration into the database,
 * where an older version that restarts looks for it.
 */
const NARROWS: readonly RegExp[] = [
  /\bDROP\s+(TABLE|COLUMN|SCHEMA|TYPE|FUNCTION|VIEW)\b/i,
  /\bRENAME\b/i,
  /\bSET\s+NOT\s+NULL\b/i,
  /\bADD\s+(CONSTRAINT\s+\S+\s+)?(CHECK|UNIQUE|FOREIGN\s+KEY|EXCLUDE)\b/i,
  // A wider number holds all that was there, and older code reads it as before.
  /\bALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE\s+(?!numeric|bigint|text)/i,
  /\bADD\s+COLUMN\s+(?!.*\bDEFAULT\b).*\bNOT\s+NULL\b/i,
];

/** Lines of a migration, by number, that older code may not survive. */
function narrowing(sql: string): number[] {
  const lines = sql.split('\n');
  return lines.flatMap((line, index) => {
    const statement = line.replace(/--.*$/, '');
    return NARROWS.some((pattern) => pattern.test(statement)) && !CONTRACTION_MARK.test(lines[index - 1] ?? '') ? [index + 1] : [];
  });
}

describe('migrations', () => {
  it.each([
    'DROP TABLE call;',
    'ALTER TABLE call DROP COLUMN model;',
    'alter table call rename column model to model_id;',
    'ALTER TABLE call ALTER COLUMN model SET NOT NULL;',
    'ALTER TABLE call ADD COLUMN model text NOT NULL;',
    'ALTER TABLE call ADD CONSTRAINT positive CHECK (cost > 0);',
    'ALTER TABLE call ALTER COLUMN cost TYPE integer;',
  ])('would be refused: %s', (sql) => {
    expect(narrowing(sql)).toEqual([1]);
    expect(narrowing(`-- contract: unused since 1.4\n${sql}`)).toEqual([]);
  });

  it.each([
    'CREATE TABLE call (model text NOT NULL, CHECK (model <> $$$$));',
    "ALTER TABLE call ADD COLUMN model text NOT NULL DEFAULT '';",
    'ALTER TABLE call ALTER COLUMN cost TYPE numeric(38, 0);',
    'CREATE INDEX call_by_model ON call (model); -- DROP TABLE is only spoken of here',
  ])('may be: %s', (sql) => {
    expect(narrowing(sql)).toEqual([]);
  });

  it('of this house expand, or say why they may take away', () => {
    const files = repositoryFiles().filter((file) => file.endsWith('.sql'));
    expect(files.length).toBeGreaterThan(10);
    expect(files.flatMap((file) => narrowing(readRepositoryFile(file)).map((line) => `${file}:${line}`))).toEqual([]);
  });
});
