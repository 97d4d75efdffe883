import { describe, expect, it } from '@jest/globals';
import type { SourceFile, SourceImport } from './helpers/source-imports.js';
import { folderOf, readSource } from './helpers/source-imports.js';

/** What a folder of `src`, or a file directly in it, may import: folders or single files. */
interface Rule {
  allowed: readonly string[];
  /** Only with `import type`. */
  allowedAsTypes?: readonly string[];
}

const RULES: Readonly<Record<string, Rule>> = {
  'main.ts': {
    allowed: ['config.ts', 'config-forms.ts', 'development.ts', 'gateway.ts', 'stack-frames.ts'],
  },
  'development.ts': { allowed: ['config.ts', 'environment.ts', 'emulator'] },
  'config.ts': {
    allowed: [
      'config-callers.ts',
      'config-credentials.ts',
      'config-files.ts',
      'config-settings.ts',
      'environment.ts',
    ],
    allowedAsTypes: ['http', 'callers'],
  },
  'config-callers.ts': { allowed: [], allowedAsTypes: ['callers', 'config-settings.ts', 'environment.ts'] },
  'config-credentials.ts': { allowed: [], allowedAsTypes: ['environment.ts', 'huawei-cloud'] },
  'config-settings.ts': { allowed: ['config-caller-settings.ts', 'config-forms.ts', 'huawei-cloud'] },
  'config-caller-settings.ts': { allowed: ['config-forms.ts'] },
  'config-forms.ts': { allowed: [] },
  'config-files.ts': { allowed: [] },
  'authenticator.ts': { allowed: ['huawei-cloud'], allowedAsTypes: ['config.ts', 'config-credentials.ts'] },
  'credential-files.ts': { allowed: ['config-credentials.ts', 'config-settings.ts', 'environment.ts'] },
  'environment.ts': { allowed: [] },
  'impatient-redis.ts': { allowed: [] },
  'stack-frames.ts': { allowed: [] },
  'within.ts': { allowed: [] },
  'gateway.ts': {
    allowed: [
      'config.ts',
      'config-forms.ts',
      'http',
      'graphql',
      'datasource-connection',
      'callers',
      'once',
      'reading',
      'huawei-cloud/clock.ts',
      'stack-frames.ts',
      'upstream.ts',
    ],
  },
  'upstream.ts': {
    allowed: ['authenticator.ts', 'credential-files.ts', 'dli', 'huawei-cloud'],
    allowedAsTypes: ['config.ts'],
  },
  http: {
    allowed: ['graphql'],
    allowedAsTypes: ['datasource-connection', 'callers', 'huawei-cloud/clock.ts'],
  },
  graphql: {
    allowed: ['datasource-connection', 'user-error', 'stack-frames.ts'],
    allowedAsTypes: ['callers', 'huawei-cloud/clock.ts'],
  },
  'datasource-connection': {
    allowed: ['user-error', 'once', 'reading', 'dli', 'huawei-cloud/clock.ts', 'huawei-cloud/deadline.ts'],
    allowedAsTypes: ['callers'],
  },
  // Whoever calls is none of DLI's business: of all below it knows the time.
  callers: { allowed: ['huawei-cloud/clock.ts', 'impatient-redis.ts'] },
  once: { allowed: ['dli', 'huawei-cloud', 'within.ts'] },
  reading: {
    allowed: ['dli', 'huawei-cloud/clock.ts', 'huawei-cloud/deadline.ts', 'impatient-redis.ts', 'within.ts'],
  },
  'user-error': { allowed: [] },
  dli: { allowed: ['huawei-cloud'] },
  'huawei-cloud': { allowed: [] },
  emulator: { allowed: [] },
};

const FILES = readSource();
const FOLDERS = [...new Set(FILES.map(({ folder }) => folder))];

function isAllowed({ target, isTypeOnly }: SourceImport, { allowed, allowedAsTypes = [] }: Rule): boolean {
  const names = isTypeOnly ? [...allowed, ...allowedAsTypes] : allowed;
  return names.includes(target) || names.includes(folderOf(target));
}

/** The imports that match, told as `importer -> imported`. */
function tell(files: readonly SourceFile[], matches: (found: SourceImport, file: SourceFile) => boolean) {
  return files.flatMap(file =>
    file.imports.filter(found => matches(found, file)).map(({ target }) => `${file.path} -> ${target}`),
  );
}

describe('the dependencies between the folders of src', () => {
  it('have a rule for every folder, and no rule for a folder that is gone', () => {
    expect(FOLDERS.toSorted()).toEqual(Object.keys(RULES).toSorted());
  });

  it.each(FOLDERS)('point in the allowed direction from %s', folder => {
    const rule = RULES[folder] ?? { allowed: [] };
    const files = FILES.filter(file => file.folder === folder);
    expect(
      tell(files, found => found.isOurs && folderOf(found.target) !== folder && !isAllowed(found, rule)),
    ).toEqual([]);
  });

  it('are read completely: every import names a file that exists', () => {
    const paths = FILES.map(({ path }) => path);
    expect(tell(FILES, ({ isOurs, target }) => isOurs && !paths.includes(target))).toEqual([]);
    for (const { code, imports } of FILES)
      expect(imports).toHaveLength(code.match(/\b(?:from\s+|import[\s(]\s*)'/g)?.length ?? 0);
  });

  it('bring the emulator into the development mode only', () => {
    const importers = FILES.filter(
      ({ folder, imports }) =>
        folder !== 'emulator' && imports.some(({ target }) => folderOf(target) === 'emulator'),
    );
    expect(importers.map(({ path }) => path)).toEqual(['development.ts']);
  });

  it('load the development mode when it is asked for only', () => {
    expect(FILES.find(({ path }) => path === 'main.ts')?.code).not.toMatch(
      /^import \{.*'\.\/development\.js'/m,
    );
  });

  it('make no circle when the program runs', () => {
    expect(findCircle(FILES)).toEqual([]);
  });
});

describe('the packages', () => {
  const isOneOf = (names: RegExp) => (found: SourceImport) => !found.isOurs && names.test(found.target);

  it.each(['dli', 'huawei-cloud'])('of GraphQL and of the HTTP server are unknown to %s', folder => {
    const files = FILES.filter(file => file.folder === folder);
    expect(
      tell(
        files,
        isOneOf(/^(graphql|type-graphql|class-validator|fastify|@fastify|@apollo|@as-integrations)/),
      ),
    ).toEqual([]);
  });

  it('that talk to Huawei Cloud are unknown to everything above the data source', () => {
    const others = FILES.filter(({ folder }) => !['dli', 'huawei-cloud'].includes(folder));
    expect(tell(others, isOneOf(/^(ky|undici)$/))).toEqual([]);
  });

  it('that read tokens and count calls are unknown to everything but callers', () => {
    const others = FILES.filter(({ folder }) => folder !== 'callers');
    expect(tell(others, isOneOf(/^(jose|rate-limiter-flexible)$/))).toEqual([]);
  });
});

describe('the files of src', () => {
  it('leave the process alone, but for the entry points', () => {
    const users = FILES.filter(
      ({ code, imports }) =>
        /(?<![.\w])process\s*[.[]|globalThis\s*[.[]\W?\s*process|\}\s*=\s*process\b/.test(code) ||
        imports.some(({ target }) => target === 'node:process' || target === 'process'),
    );
    expect(users.map(({ path }) => path)).toEqual(['emulator/main.ts', 'main.ts']);
  });

  it('are never an index, and lie at most two levels deep', () => {
    expect(FILES.filter(({ path }) => /(^|\/)index\.ts$|\/.*\/.*\//.test(path))).toEqual([]);
  });
});

/** The first circle of imports that exist at run time, file by file; empty when there is none. */
function findCircle(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map(file => [file.path, file]));
  const finished = new Set<string>();
  function walk(path: string, way: readonly string[]): string[] {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (finished.has(path)) return [];
    for (const { target, isOurs, isTypeOnly } of byPath.get(path)?.imports ?? []) {
      const circle = isOurs && !isTypeOnly ? walk(target, [...way, path]) : [];
      if (circle.length > 0) return circle;
    }
    finished.add(path);
    return [];
  }
  return files.map(({ path }) => walk(path, [])).find(circle => circle.length > 0) ?? [];
}
