import { describe, expect, it } from '@jest/globals';
import { CONTRACTION_MARK } from '@sluice/sql';
import { readRepositoryFile, repositoryFiles } from './repository.ts';

/**
 * While an upgrade rolls on, the version before works on the same tables. So a migration expands: it adds what older code
 * does not know and need not fill. What takes away or narrows is a step of its own, one release after the last code that
 * needed it, and says so above the statement: `-- contract: unused since 1.4`. The mark goes with the migration into the database,
 * where an older version that restarts looks for it.
 */
const NARROWS: readonly RegExp[] = [
  /\bDROP\s+(TABLE|COLUMN|SCHEMA|TYPE|FUNCTION|VIEW|INDEX|CONSTRAINT|DEFAULT)\b/i,
  /\bRENAME\b/i,
  /\bSET\s+NOT\s+NULL\b/i,
  /\bADD\s+(CONSTRAINT\s+\S+\s+)?(CHECK|UNIQUE|PRIMARY\s+KEY|FOREIGN\s+KEY|EXCLUDE)\b/i,
  // A wider number holds all that was there, and older code reads it as before.
  /\bALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE\s+(?!numeric|bigint|text)/i,
  /\bADD\s+COLUMN\s+(?![^,]*\bDEFAULT\b)[^,]*\bNOT\s+NULL\b/i,
];
/** Rows that older code writes may break it, unless the table begins with it. */
const UNIQUE_INDEX = /\bCREATE\s+UNIQUE\s+INDEX\b.*?\bON\s+(\w+)/is;

/** First lines of the statements of a migration, by number, that older code may not survive. */
function narrowing(sql: string): number[] {
  // A semicolon in a comment ends nothing.
  const statements = sql.replace(/--.*$/gm, (comment) => comment.replaceAll(';', ',')).split(';');
  let line = 1;
  return statements.flatMap((statement) => {
    const bare = statement.replace(/--.*$/gm, '');
    const first = line + /^\s*/.exec(bare)![0].split('\n').length - 1;
    line += statement.split('\n').length - 1;
    return isNarrowing(bare, sql) && !CONTRACTION_MARK.test(statement) ? [first] : [];
  });
}

function isNarrowing(statement: string, sql: string): boolean {
  const indexed = UNIQUE_INDEX.exec(statement)?.[1];
  if (indexed !== undefined && !new RegExp(`\\bCREATE\\s+TABLE\\s+${indexed}\\b`, 'i').test(sql)) return true;
  return NARROWS.some((pattern) => pattern.test(statement));
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
    'ALTER TABLE call ALTER COLUMN cost DROP DEFAULT;',
    'ALTER TABLE call ADD PRIMARY KEY (id);',
    'ALTER TABLE call\n  ADD COLUMN model text -- of the call; as asked\n  NOT NULL;',
    'ALTER TABLE call ADD COLUMN cost bigint DEFAULT 0, ADD COLUMN model text NOT NULL;',
    'CREATE UNIQUE INDEX call_by_model ON call (model);',
    'DROP INDEX call_by_model;',
  ])('would be refused: %s', (sql) => {
    expect(narrowing(sql)).toEqual([1]);
    expect(narrowing(`-- contract: unused since 1.4\n${sql}`)).toEqual([]);
  });

  it('are looked at statement by statement', () => {
    expect(narrowing('SELECT 1;\n-- of old; not used\nDROP TABLE a;\n-- contract: unused since 1.4\nDROP TABLE b;\nDROP TABLE c;')).toEqual([3, 6]);
  });

  it.each([
    'CREATE TABLE call (model text);\nCREATE UNIQUE INDEX call_by_model ON call (model);',
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
