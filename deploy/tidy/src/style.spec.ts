import { describe, expect, it } from '@jest/globals';
import { basename, dirname, join, normalize } from 'node:path';
import { readRepositoryFile, repositoryFiles, sources } from './repository.ts';

const POOR_NAMES = /(^|[/.-])(utils?|common|shared|helpers?|core|manager|misc)([/.-]|$)/i;
const FILE_LINES_LIMIT = 400;
/** Words that a repository which speaks of itself alone has no use for. Built from pieces so that this file does not match itself. */
const FOREIGN_WORDS = new RegExp(['/wo' + 'rk/', '/ro' + 'ot/', 'TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX:'].join('|'));

const products = () => sources().filter((file) => !file.endsWith('.spec.ts') && !file.endsWith('.contract.ts'));
const projects = () => repositoryFiles().filter((file) => file.endsWith('/package.json')).map((file) => dirname(file));

describe('style', () => {
  it('no file or folder has a name that says nothing', () => {
    expect(sources().filter((file) => POOR_NAMES.test(file))).toEqual([]);
  });

  it(`no source is longer than ${FILE_LINES_LIMIT} lines`, () => {
    const long = sources().filter((file) => readRepositoryFile(file).split('\n').length > FILE_LINES_LIMIT);
    expect(long).toEqual([]);
  });

  it('index.ts stands only at the entry of a project', () => {
    expect(sources().filter((file) => basename(file) === 'index.ts' && !/^(libs\/[^/]+|services\/[^/]+|gateway|deploy\/[^/]+)\/src\/index\.ts$/.test(file))).toEqual([]);
  });

  it('nothing is left for later without a decision, and no machine is named', () => {
    const texts = repositoryFiles().filter((file) => /\.(ts|mjs|md|sh|proto|sql|json)$|^sluice$/.test(file) && !file.startsWith('proto/vendor/') && file !== 'package-lock.json');
    expect(texts.filter((file) => FOREIGN_WORDS.test(readRepositoryFile(file)))).toEqual([]);
  });

  it('every project has a README, one tag of its kind, and the licence', () => {
    for (const project of projects()) {
      const description = JSON.parse(readRepositoryFile(`${project}/package.json`)) as { license: string; nx?: { tags?: string[] } };
      const files = repositoryFiles();
      expect({ project, readme: files.includes(`${project}/README.md`), tags: description.nx?.tags?.length, license: description.license }).toEqual({ project, readme: true, tags: 1, license: 'Apache-2.0' });
    }
  });

  it('every document has one title', () => {
    const documents = repositoryFiles().filter((file) => file.endsWith('.md') && !file.startsWith('proto/vendor/'));
    const titles = (text: string) => text.replace(/```[\s\S]*?```/g, '').split('\n').filter((line) => line.startsWith('# ')).length;
    expect(documents.filter((file) => titles(readRepositoryFile(file)) !== 1)).toEqual([]);
  });

  it('every link from a document to a file leads somewhere', () => {
    const files = new Set(repositoryFiles());
    const folders = new Set([...files].flatMap((file) => file.split('/').slice(0, -1).map((_, depth, parts) => parts.slice(0, depth + 1).join('/'))));
    const broken = [...files].filter((file) => file.endsWith('.md') && !file.startsWith('proto/vendor/')).flatMap((file) => {
      const targets = [...readRepositoryFile(file).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map((match) => match[1]!).filter((target) => !/^[a-z]+:/.test(target));
      return targets.map((target) => normalize(join(dirname(file), target)).replace(/\/$/, '')).filter((target) => !files.has(target) && !folders.has(target)).map((target) => `${file} -> ${target}`);
    });
    expect(broken).toEqual([]);
  });

  it('no source lies about that nobody imports', () => {
    const all = sources().map((file) => ({ file, text: readRepositoryFile(file) }));
    const entries = new Set(projects().flatMap((project) => [...readRepositoryFile(`${project}/package.json`).matchAll(/"\.\/(src\/[^"]+\.ts)"/g)].map((match) => `${project}/${match[1]}`)));
    const others = repositoryFiles().filter((file) => /\.(mjs|sh)$|^sluice$|^\.ci\/run$/.test(file)).map(readRepositoryFile).join('\n');
    const dead = products().filter((file) => {
      if (entries.has(file) || file.endsWith('.d.ts')) return false;
      const name = basename(file);
      return !others.includes(name) && !all.some((other) => other.file !== file && other.text.includes(`/${name}'`));
    });
    expect(dead).toEqual([]);
  });

  it('what decides has a test beside it', () => {
    const files = new Set(sources());
    const untested = products().filter((file) => file.includes('/domain/') && !/\/(ports|config)\.ts$/.test(file) && hasCode(file)
      && !files.has(file.replace(/\.ts$/, '.spec.ts')) && !isNamedInASpec(file, files));
    expect(untested).toEqual([]);
  });
});

/** A file of types alone decides nothing. */
function hasCode(file: string): boolean {
  return /^(export )?(async )?(function|class|const) /m.test(readRepositoryFile(file));
}

function isNamedInASpec(file: string, files: ReadonlySet<string>): boolean {
  const folder = `${dirname(file)}/`;
  return [...files].some((spec) => /\.(spec|contract)\.ts$/.test(spec) && spec.startsWith(folder.split('/domain/')[0]!) && readRepositoryFile(spec).includes(`/${basename(file)}'`));
}
