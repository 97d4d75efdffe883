import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const RELEASED = `# Written by \`npm run schema:release\`. The schema of version 1.4.0.

type Query {
  one(id: ID!): Thing
  all(first: Int): [Thing!]!
}

type Thing {
  id: ID!
  name: String
}

enum Kind { BIG SMALL }
`;
const CHANGELOG = `# Changelog

## Unreleased

- \`Thing.name\` is gone.

## 1.4.0

- \`Thing.name\` is new.
`;

/** Runs the gate for each list of files in turn, in one process, because loading its modules takes longest. */
const RUN_FOR_EACH = `
  const [script, lists] = process.argv.slice(1);
  const results = [];
  for (const [index, paths] of JSON.parse(lists).entries()) {
    let stderr = '';
    process.stderr.write = text => (stderr += text);
    process.argv = [process.execPath, script, ...paths];
    process.exitCode = 0;
    await import(script + '?' + index).catch(() => (process.exitCode = 1));
    results.push({ status: process.exitCode, stderr });
  }
  process.exitCode = 0;
  console.log(JSON.stringify(results));`;
const SCRIPT = fileURLToPath(new URL('../../scripts/check-schema.mjs', import.meta.url));

/** The released schema with changes. */
function withChanges(changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((text, [from, to]) => text.replace(from, to), RELEASED);
}

const COMPATIBLE = withChanges({
  'type Thing': '"""A thing."""\ntype Thing',
  '  name: String': '  name: String! @deprecated(reason: "No longer sent.")\n  size: Int',
  'one(id: ID!)': 'one(id: ID!, wait: Int)',
  'BIG SMALL': 'BIG MEDIUM SMALL',
});
const BREAKING = withChanges({
  '  name: String\n': '',
  '[Thing!]!': '[Thing!]',
  '(first: Int)': '(first: Int!)',
  'BIG SMALL': 'BIG',
});
const WITHOUT_NAME = RELEASED.replace('  name: String\n', '');
const LISTED_UNDER = {
  'a minor version': CHANGELOG.replace('Unreleased', '1.5.0'),
  'a new major version, but as another change': CHANGELOG.replace('Unreleased', '2.0.0').replace(
    '`Thing.name` is gone',
    '`Thing.id` is gone',
  ),
  'no version': CHANGELOG,
};
const WRONG_RELEASES = {
  'has no version': RELEASED.replace(/^#.*$/m, ''),
  'is no schema': '# The schema of version 1.4.0.\n\ntype {',
};

/** The texts that the gate compares. */
interface Texts {
  current: string;
  released?: string;
  changelog?: string;
}

const CASES: Record<string, Texts> = {
  compatible: { current: COMPATIBLE },
  announced: { current: WITHOUT_NAME, changelog: CHANGELOG.replace('Unreleased', '2.0.0') },
  ...Object.fromEntries(
    Object.entries(LISTED_UNDER).map(([where, changelog]) => [where, { current: WITHOUT_NAME, changelog }]),
  ),
  ...Object.fromEntries(
    Object.entries(WRONG_RELEASES).map(([what, released]) => [what, { current: RELEASED, released }]),
  ),
};

describe('the schema gate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'schema-gate-'));
  const results: Record<string, { status: number; stderr: string }> = {};

  /** Writes the files with these texts, and returns their paths. */
  function write(name: string, { current, released = RELEASED, changelog = CHANGELOG }: Texts): string[] {
    const files = { 'released.graphql': released, 'schema.graphql': current, 'CHANGELOG.md': changelog };
    mkdirSync(join(folder, name));
    return Object.entries(files).map(([file, text]) => {
      writeFileSync(join(folder, name, file), text);
      return join(folder, name, file);
    });
  }

  beforeAll(() => {
    const lists = Object.entries(CASES).map(([name, texts]) => write(name, texts));
    const options = ['--input-type=module', '--eval', RUN_FOR_EACH, SCRIPT, JSON.stringify(lists)];
    const { stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' });
    expect(stderr).toBe('');
    const inOrder: { status: number; stderr: string }[] = JSON.parse(stdout);
    for (const [index, name] of Object.keys(CASES).entries()) Object.assign(results, { [name]: inOrder[index] });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('passes for descriptions, deprecations and changes that callers may ignore', () => {
    expect(COMPATIBLE).toMatch(/wait.*A thing.*size.*MEDIUM/s);
    expect(results['compatible']).toEqual({ status: 0, stderr: '' });
  });

  it('fails for what is now removed, nullable or required', () => {
    const paths = write('breaking', { current: BREAKING });
    const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...paths], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(
      problemsIn(stderr)
        .map(problem => / \((.*)\)$/.exec(problem)?.[1])
        .toSorted(),
    ).toEqual(['Kind.SMALL', 'Query.all', 'Query.all.first', 'Thing.name']);
  });

  it('passes for a breaking change that the changelog lists under a new major version', () => {
    expect(results['announced']).toMatchObject({ status: 0 });
  });

  it.each(Object.keys(LISTED_UNDER))('fails for a breaking change that the changelog lists under %s', where => {
    expect(results[where]).toMatchObject({ status: 1 });
    expect(problemsIn(results[where]?.stderr ?? '')).toEqual([expect.stringContaining('Thing.name')]);
  });

  it.each(Object.keys(WRONG_RELEASES))('fails if the released schema %s', what => {
    expect(results[what]).toMatchObject({ status: 1 });
  });

  it('is part of npm run check', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(scripts.check).toContain('npm run check:static');
    expect(scripts['check:static']).toContain('npm run check:schema');
    expect(scripts['check:schema']).toMatch(/^node scripts\/check-schema\.mjs( &&|$)/);
  });
});

/** The breaking changes that the gate has printed. */
function problemsIn(stderr: string): string[] {
  return [...stderr.matchAll(/^ {2}(.*)$/gm)].map(([, problem = '']) => problem);
}
