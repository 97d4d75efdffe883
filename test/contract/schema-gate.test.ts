import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'schema-gate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the gate over files with these texts. */
function runGate(current: string, { released = RELEASED, changelog = CHANGELOG } = {}) {
  const files = { 'released.graphql': released, 'schema.graphql': current, 'CHANGELOG.md': changelog };
  const paths = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  });
  const { status, stderr } = spawnSync(process.execPath, ['scripts/check-schema.mjs', ...paths], { encoding: 'utf8' });
  return { status, problems: [...stderr.matchAll(/^ {2}(.*)$/gm)].map(([, problem]) => problem), stderr };
}

/** The released schema with changes. */
function withChanges(changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((text, [from, to]) => text.replace(from, to), RELEASED);
}

describe('the schema gate', () => {
  it('passes for descriptions, deprecations, and what callers need not use or expect', () => {
    const current = withChanges({
      'type Thing': '"""A thing."""\ntype Thing',
      '  name: String': '  name: String! @deprecated(reason: "No longer sent.")\n  size: Int',
      'one(id: ID!)': 'one(id: ID!, wait: Int)',
      'BIG SMALL': 'BIG MEDIUM SMALL',
    });
    expect(current).toMatch(/wait.*A thing.*size.*MEDIUM/s);
    expect(runGate(current)).toEqual({ status: 0, problems: [], stderr: '' });
  });

  it('fails for what is gone, may be null or is required now', () => {
    const current = withChanges({
      '  name: String\n': '',
      '[Thing!]!': '[Thing!]',
      '(first: Int)': '(first: Int!)',
      'BIG SMALL': 'BIG',
    });
    const { status, problems } = runGate(current);
    expect(status).toBe(1);
    expect(problems.map(problem => / \((.*)\)$/.exec(problem ?? '')?.[1]).toSorted()).toEqual([
      'Kind.SMALL',
      'Query.all',
      'Query.all.first',
      'Thing.name',
    ]);
  });

  const withoutName = RELEASED.replace('  name: String\n', '');

  it('passes for a break that the changelog lists under a new major version', () => {
    const changelog = CHANGELOG.replace('Unreleased', '2.0.0');
    expect(runGate(withoutName, { changelog })).toMatchObject({ status: 0 });
  });

  it.each([
    ['a minor version', CHANGELOG.replace('Unreleased', '1.5.0')],
    [
      'a new major version, but as another change',
      CHANGELOG.replace('Unreleased', '2.0.0').replace('`Thing.name` is gone', '`Thing.id` is gone'),
    ],
    ['no version', CHANGELOG],
  ])('fails for a break that the changelog lists under %s', (_where, changelog) => {
    expect(runGate(withoutName, { changelog })).toMatchObject({
      status: 1,
      problems: [expect.stringContaining('Thing.name')],
    });
  });

  it.each([
    ['has no version', RELEASED.replace(/^#.*$/m, '')],
    ['is no schema', '# The schema of version 1.4.0.\n\ntype {'],
  ])('fails if the released schema %s', (_what, released) => {
    expect(runGate(RELEASED, { released })).toMatchObject({ status: 1 });
  });

  it('is part of npm run check', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(scripts.check).toContain('npm run check:static');
    expect(scripts['check:static']).toContain('npm run check:schema');
    expect(scripts['check:schema']).toMatch(/^node scripts\/check-schema\.mjs( &&|$)/);
  });
});
