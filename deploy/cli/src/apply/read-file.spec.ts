import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { fileSchemaText } from './file-schema.ts';
import { readPlatformFile, type ReadFile } from './read-file.ts';

/** As who looks no further. */
function read(text: string): ReadFile {
  const file = readPlatformFile(Buffer.from(text), 'p.yaml');
  if (file.isFaulty) throw file.refuse([]);
  return file;
}

function refusalOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  throw new Error('nothing was refused');
}

describe('a platform file', () => {
  it('is read with what stands for what is not said', () => {
    const { wanted } = read('sluice: 1\nparameter_rules: [{parameter: n, max: 4}]\nfilter_rules: [{words: [badger]}]\norganisation: {budget: {amount: 12, period: day}}\n');
    expect(wanted).toEqual({
      sluice: 1, parameter_rules: [{ parameter: 'n', max: 4, on_violation: 'refuse' }], filter_rules: [{ kind: 'word', words: ['badger'], action: 'block', direction: 'both' }],
      organisation: { budget: { amount: '12', period: 'day' } },
    });
  });

  it('keeps every digit of an amount, as a number or as text', () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), fc.boolean(), (amount, isText) => {
      const { wanted } = read(`sluice: 1\norganisation: {budget: {amount: ${isText ? `"${amount}"` : amount}, period: none}}`);
      expect(wanted.organisation?.budget?.amount).toBe(amount.toString());
    }));
  });

  it('tells all faults at once, each by its line and its path', () => {
    const text = [
      'sluice: 1', 'organization: {}', 'projects:', '  - name: a', '    bodies: all', '    limits:', '      requests_per_minute: many', '      rpm: 5', '    keys:', '      - models: x',
      '  - name: 7', 'admin_keys:', '  - {name: b, role: king}', 'models:', '  - name: m', '    price: {input: -1, output: 0.5}', '    deployments:', '      - digest: sha256:12',
    ].join('\n');
    expect(refusalOf(() => read(text))).toEqual([
      'p.yaml has 11 faults; nothing was changed:',
      '  line 2: organization: there is no such field',
      '  line 5: projects[0].bodies: must be sent, original_and_sent or digest',
      '  line 7: projects[0].limits.requests_per_minute: must be a number',
      '  line 8: projects[0].limits.rpm: there is no such field',
      '  line 10: projects[0].keys[0].name: is missing',
      '  line 10: projects[0].keys[0].models: must be a list (- entry)',
      '  line 11: projects[1].name: must be a text',
      '  line 13: admin_keys[0].role: must be owner, member or auditor',
      '  line 16: models[0].price.input: must be a whole number of nano-units, at least 0 and of at most 18 digits',
      '  line 16: models[0].price.output: must be a whole number of nano-units, at least 0 and of at most 18 digits',
      '  line 18: models[0].deployments[0].digest: must be sha256: and 64 hexadecimal digits',
    ]);
  });

  it('gives what can be read beside faults, and tells by their own lines what is found in that', () => {
    const text = [
      'sluice: 1', 'models: [{name: a}, {name: b, alias: c}, {name: d}]', 'organisation: {currency: dollar}', 'projects:', '  - {name: p, bodies: all}',
      '  - name: q', '    keys:', '      - {name: k, models: x}', '      - {name: l}', 'filter_rules: [{words: [x]}]',
    ].join('\n');
    const file = readPlatformFile(Buffer.from(text), 'p.yaml');
    expect([file.isFaulty, file.wanted]).toEqual([true, {
      sluice: 1, models: [{ name: 'a' }, { name: 'd' }], projects: [{ name: 'q', keys: [{ name: 'l' }] }], filter_rules: [{ words: ['x'], kind: 'word', action: 'block', direction: 'both' }],
    }]);
    const found = [
      { path: ['projects', 0, 'keys', 0, 'name'], message: 'X' }, { path: ['models', 1, 'name'], message: 'Y' },
      // It may be the one that could not be read.
      { path: ['filter_rules', 0, 'project'], message: 'Z', needs: 'projects' as const },
    ];
    expect(refusalOf(() => { throw file.refuse(found); })).toEqual([
      'p.yaml has 6 faults; nothing was changed:', '  line 2: models[1].alias: there is no such field', '  line 2: models[2].name: Y', '  line 3: organisation.currency: must be a currency by ISO 4217, as USD',
      '  line 5: projects[0].bodies: must be sent, original_and_sent or digest', '  line 8: projects[1].keys[0].models: must be a list (- entry)', '  line 9: projects[1].keys[1].name: X',
    ]);
  });

  it.each([
    ['', 'the file: is empty'],
    ['- sluice: 1', 'the file: must be a map'],
    ['projects: []', 'sluice: is missing'],
    ['sluice: 2', 'must be 1: the version of this format'],
    ['sluice: 1\nsluice: 1', 'line 2: Map keys must be unique'],
    ['sluice: 1\nmodels: [', 'line 2:'],
    ['sluice: 1\nprojects: &all [{name: a}]\nadmin_keys: *all', 'line 3: references to other places (*name) are not read here; write it out'],
    ['sluice: 1\n"a\\u001bb": 1', 'line 2: a\\x1bb: there is no such field'],
    ['sluice: 1\n__proto__: {currency: EUR}', 'there is no such field'],
    ['sluice: 1\nprojects: [{name: "a\\u0007"}]', 'must not hold control characters'],
  ])('is refused as %j', (text, fault) => {
    expect(refusalOf(() => read(text)).join('\n')).toContain(fault);
  });

  it('is refused where it is no text, and where it is too long to be one', () => {
    expect(refusalOf(() => readPlatformFile(Buffer.of(0xff, 0xfe), 'p.yaml'))).toEqual(['p.yaml is not text in UTF-8.']);
    expect(refusalOf(() => readPlatformFile(Buffer.alloc(32 * 1024 * 1024 + 1), 'p.yaml'))[0]).toContain('is larger than');
    expect(refusalOf(() => read(stringify({ sluice: 1, admin_keys: Array.from({ length: 60 }, () => ({})) }))).at(-1)).toBe('  and 100 more');
  });

  it('has a published JSON Schema, which is this one', () => {
    expect(readFileSync(new URL('../../../../docs/platform.schema.json', import.meta.url), 'utf8')).toBe(fileSchemaText());
    expect(JSON.parse(fileSchemaText())).toMatchObject({ additionalProperties: false, required: ['sluice'], properties: { projects: { items: { required: ['name'], additionalProperties: false } } } });
  });
});
