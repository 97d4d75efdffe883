import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { SourceFile, SourceImport } from '../helpers/source-imports.js';
import { folderOf, readSource } from '../helpers/source-imports.js';

/** What a folder of `src`, or a file directly in it, may import: folders or single files. */
interface Rule {
  allowed: readonly string[];
  /** Only with `import type`. */
  allowedAsTypes?: readonly string[];
}

// In the order of the dependencies: an entry imports only entries below it.
const RULES: Readonly<Record<string, Rule>> = {
  'main.ts': { allowed: ['cli', 'gateway.ts', 'dev-mode.ts', 'config', 'lib'] },
  cli: {
    allowed: [
      'gateway.ts',
      'composition',
      'enhanced-connection',
      'operation-store',
      'auth',
      'config',
      'dli',
      'huawei-cloud',
      'lib',
      'metrics',
    ],
  },
  'dev-mode.ts': { allowed: ['config', 'emulator', 'lib'] },
  'gateway.ts': {
    allowed: ['composition', 'http', 'graphql', 'enhanced-connection', 'datasource-connection', 'config', 'lib'],
  },
  composition: {
    allowed: [
      'idempotency',
      'operation-store',
      'connection-reads',
      'auth',
      'config',
      'dli',
      'huawei-cloud',
      'lib',
      'metrics',
    ],
  },
  http: { allowed: ['graphql', 'lib'], allowedAsTypes: ['datasource-connection', 'auth', 'metrics'] },
  graphql: { allowed: ['enhanced-connection', 'datasource-connection', 'lib'], allowedAsTypes: ['auth'] },
  'enhanced-connection': {
    allowed: ['datasource-connection', 'idempotency', 'connection-reads', 'dli'],
    allowedAsTypes: ['auth'],
  },
  'datasource-connection': {
    allowed: ['idempotency', 'connection-reads', 'dli', 'lib'],
    allowedAsTypes: ['auth', 'metrics'],
  },
  idempotency: { allowed: ['operation-store', 'dli', 'lib'], allowedAsTypes: ['metrics'] },
  'operation-store': { allowed: ['lib'] },
  'connection-reads': { allowed: ['dli', 'lib'], allowedAsTypes: ['metrics'] },
  config: {
    allowed: ['huawei-cloud/authenticator.ts', 'lib'],
    allowedAsTypes: ['auth', 'huawei-cloud'],
  },
  // DLI does not know callers. The keys of the issuer are fetched over the same transport.
  auth: {
    allowed: ['huawei-cloud/transport-error.ts', 'lib'],
    allowedAsTypes: ['huawei-cloud/transport.ts', 'huawei-cloud/upstream-log.ts'],
  },
  dli: { allowed: ['huawei-cloud', 'lib'], allowedAsTypes: ['metrics'] },
  'huawei-cloud': { allowed: ['lib'], allowedAsTypes: ['metrics'] },
  lib: { allowed: [] },
  metrics: { allowed: [] },
  emulator: { allowed: [] },
};

/** Narrower rules for each file of a folder whose files have different dependencies. */
const RULES_OF_FILES: Readonly<Record<string, Rule>> = {
  'composition/compose.ts': {
    allowed: ['idempotency', 'operation-store', 'connection-reads', 'auth', 'config', 'dli', 'huawei-cloud', 'lib'],
    allowedAsTypes: ['metrics'],
  },
  'composition/dli-clients.ts': { allowed: ['dli', 'huawei-cloud'], allowedAsTypes: ['lib', 'metrics'] },
  'composition/metrics.ts': {
    allowed: ['operation-store', 'metrics', 'lib'],
    allowedAsTypes: ['config', 'huawei-cloud'],
  },
  'composition/callers.ts': {
    allowed: ['idempotency', 'auth', 'lib'],
    allowedAsTypes: ['config', 'dli', 'huawei-cloud', 'metrics'],
  },
  'composition/redis.ts': {
    allowed: ['operation-store', 'connection-reads', 'config', 'lib'],
    allowedAsTypes: ['dli'],
  },
};

const FILES = readSource();
const FOLDERS = [...new Set(FILES.map(({ folder }) => folder))];

function isAllowed({ target, isTypeOnly }: SourceImport, { allowed, allowedAsTypes = [] }: Rule): boolean {
  const names = isTypeOnly ? [...allowed, ...allowedAsTypes] : allowed;
  return names.includes(target) || names.includes(folderOf(target));
}

/** The imports that match, as `importer -> imported`. */
function describeImports(files: readonly SourceFile[], matches: (found: SourceImport, file: SourceFile) => boolean) {
  return files.flatMap(file =>
    file.imports.filter(found => matches(found, file)).map(({ target }) => `${file.path} -> ${target}`),
  );
}

describe('the dependencies between the folders of src', () => {
  it('have a rule for every folder, and no stale rule', () => {
    expect(FOLDERS.toSorted()).toEqual(Object.keys(RULES).toSorted());
  });

  it.each(Object.entries(RULES))('are allowed only to entries below, and all of them are used: %s', (folder, rule) => {
    const { allowed, allowedAsTypes = [] } = rule;
    const names = Object.keys(RULES);
    const below = names.slice(names.indexOf(folder) + 1);
    const targets = FILES.filter(file => file.folder === folder).flatMap(({ imports }) => imports);
    const isUsed = (name: string) => targets.some(({ target }) => target === name || folderOf(target) === name);
    const entries = [...allowed, ...allowedAsTypes];
    expect(entries.filter(name => !below.includes(folderOf(name)) || !isUsed(name))).toEqual([]);
  });

  it.each(FOLDERS)('point in the allowed direction from %s', folder => {
    const rule = RULES[folder] ?? { allowed: [] };
    const files = FILES.filter(file => file.folder === folder);
    expect(
      describeImports(files, found => found.isOurs && folderOf(found.target) !== folder && !isAllowed(found, rule)),
    ).toEqual([]);
  });

  it('have a rule for every file of a folder with rules per file', () => {
    const folders = new Set(Object.keys(RULES_OF_FILES).map(folderOf));
    const paths = FILES.filter(({ folder }) => folders.has(folder)).map(({ path }) => path);
    expect(paths.toSorted()).toEqual(Object.keys(RULES_OF_FILES).toSorted());
  });

  it.each(Object.entries(RULES_OF_FILES))('point in the allowed direction from the file %s', (path, rule) => {
    const files = FILES.filter(file => file.path === path);
    expect(
      describeImports(
        files,
        found => found.isOurs && folderOf(found.target) !== folderOf(path) && !isAllowed(found, rule),
      ),
    ).toEqual([]);
  });

  it('are parsed completely: every import resolves to a file', () => {
    const paths = FILES.map(({ path }) => path);
    expect(describeImports(FILES, ({ isOurs, target }) => isOurs && !paths.includes(target))).toEqual([]);
    for (const { code, imports } of FILES)
      expect(imports).toHaveLength(code.match(/\b(?:from\s+|import[\s(]\s*)'/g)?.length ?? 0);
  });

  it('reach the emulator only from the development mode', () => {
    const importers = FILES.filter(
      ({ folder, imports }) => folder !== 'emulator' && imports.some(({ target }) => folderOf(target) === 'emulator'),
    );
    expect(importers.map(({ path }) => path)).toEqual(['dev-mode.ts']);
  });

  it('load the development mode only on demand', () => {
    expect(FILES.find(({ path }) => path === 'main.ts')?.code).not.toMatch(/^import \{.*'\.\/dev-mode\.js'/m);
  });

  it('load optional libraries only on demand', () => {
    const loaded = loadedWith(['main.ts', 'gateway.ts'], FILES);
    expect(loaded).toContain('fastify');
    expect(
      loaded.filter(name =>
        /^(lmdb|ioredis|jose|prom-client|rate-limiter-flexible|@graphql-yoga|.*emulator\/|dev-mode)/.test(name),
      ),
    ).toEqual([]);
  });

  it('check the configuration before any other part is loaded', () => {
    const loaded = loadedWith(['main.ts'], FILES);
    expect(loaded).toContain('zod');
    expect(loaded.filter(name => /^(ky|undici|fastify|graphql)$/.test(name))).toEqual([]);
  });

  it('have no cycles at run time', () => {
    expect(findCycle(FILES)).toEqual([]);
  });
});

describe('the packages', () => {
  const isOneOf = (names: RegExp) => (found: SourceImport) => !found.isOurs && names.test(found.target);

  it.each(['dli', 'huawei-cloud'])('for GraphQL and HTTP servers are not imported by %s', folder => {
    const files = FILES.filter(file => file.folder === folder);
    expect(
      describeImports(
        files,
        isOneOf(/^(graphql|type-graphql|class-validator|fastify|@fastify|@apollo|@as-integrations)/),
      ),
    ).toEqual([]);
  });

  it('for HTTP clients are imported only by dli and huawei-cloud', () => {
    const others = FILES.filter(({ folder }) => !['dli', 'huawei-cloud'].includes(folder));
    expect(describeImports(others, isOneOf(/^(ky|undici)$/))).toEqual([]);
  });

  it('for metrics are imported only by metrics', () => {
    const others = FILES.filter(({ folder }) => folder !== 'metrics');
    expect(describeImports(others, isOneOf(/^prom-client$/))).toEqual([]);
  });

  it('for tokens and rate limits are imported only by auth', () => {
    const others = FILES.filter(({ folder }) => folder !== 'auth');
    expect(describeImports(others, isOneOf(/^(jose|rate-limiter-flexible)$/))).toEqual([]);
  });
});

describe('the files of src', () => {
  it('use process only in the entry points', () => {
    const users = FILES.filter(
      ({ code, imports }) =>
        /(?<![.\w])process\s*[.[]|globalThis\s*[.[]\W?\s*process|\}\s*=\s*process\b/.test(code) ||
        imports.some(({ target }) => target === 'node:process' || target === 'process'),
    );
    expect(users.map(({ path }) => path)).toEqual(['emulator/main.ts', 'main.ts']);
  });

  it('are never named index, and are at most two levels deep', () => {
    expect(FILES.filter(({ path }) => /(^|\/)index\.ts$|\/.*\/.*\//.test(path))).toEqual([]);
  });
});

/** All modules that are loaded with these files through static imports. */
function loadedWith(paths: readonly string[], files: readonly SourceFile[]): string[] {
  const loaded = new Set(paths);
  for (const path of loaded)
    for (const { target, isTypeOnly, isDynamic } of files.find(file => file.path === path)?.imports ?? [])
      if (!isTypeOnly && !isDynamic) loaded.add(target);
  return [...loaded];
}

/** The first cycle of run-time imports, file by file; empty when there is none. */
function findCycle(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map(file => [file.path, file]));
  const finished = new Set<string>();
  function walk(path: string, way: readonly string[]): string[] {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (finished.has(path)) return [];
    for (const { target, isOurs, isTypeOnly } of byPath.get(path)?.imports ?? []) {
      const cycle = isOurs && !isTypeOnly ? walk(target, [...way, path]) : [];
      if (cycle.length > 0) return cycle;
    }
    finished.add(path);
    return [];
  }
  return files.map(({ path }) => walk(path, [])).find(cycle => cycle.length > 0) ?? [];
}

describe('the source maps of the programs', () => {
  it('lead to the files of src', () => {
    const chunks = readdirSync('dist/chunks').map(name => `dist/chunks/${name}`);
    const maps = ['dist/main.js.map', 'dist/emulator/main.js.map', ...chunks.filter(path => path.endsWith('.map'))];
    const sources = maps.flatMap(path => {
      const map: { sources: string[] } = JSON.parse(readFileSync(path, 'utf8'));
      return map.sources.map(source => join(dirname(path), source));
    });
    expect(sources).toEqual(expect.arrayContaining(['src/main.ts', 'src/gateway.ts', 'src/emulator/main.ts']));
    expect(sources.filter(source => !source.startsWith('src/') || !existsSync(source))).toEqual([]);
  });
});
