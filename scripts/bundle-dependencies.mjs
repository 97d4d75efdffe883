import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

// Bundles the packages that the built program imports into dist/node_modules, where Node looks first: finding
// and compiling their 800 files takes more than half of the start-up time.

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAMS = ['src/main.ts', 'src/emulator/main.ts', 'src/graphql/print-schema.ts'];
const TARGET = join(ROOT, 'dist/node_modules');
// lmdb looks for its native part beside its own files; the page of GraphiQL is one file of 9 MB already.
const UNBUNDLED = ['lmdb', '@graphql-yoga/render-graphiql'];
const RESOLVED = {};
// Packages that are CommonJS modules call require.
const REQUIRE = "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);";

rmSync(TARGET, { recursive: true, force: true });
const imports = await findImports();
const specifiers = [...imports.keys()].sort();
await build({
  absWorkingDir: ROOT,
  entryPoints: specifiers.map(specifier => ({ in: specifier, out: fileOf(specifier) })),
  outdir: TARGET,
  outExtension: { '.js': '.mjs' },
  chunkNames: '.chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  external: UNBUNDLED,
  // V8 reads the whole source before it runs. Names are kept for stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 200,
  banner: { js: REQUIRE },
  plugins: [
    { name: 'entry-points', setup: loadEntryPoints },
    { name: 'class-validator', setup: loadValidatorsInUse },
    { name: 'unused-parts', setup: leaveOutUnusedParts },
    { name: 'node-crypto', setup: useNodeCrypto },
    { name: 'graphql', setup: useModulesOfGraphql },
  ],
});
for (const name of new Set(specifiers.map(packageOf))) writePackage(name);

/** Returns what the program imports by name from each specifier, such as `@apollo/server/errors`. */
async function findImports() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: PROGRAMS,
    outdir: TARGET,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
  });
  const found = new Map();
  // As esbuild prints them, in lines of their own: `import first, { second as third } from "package";` and
  // `const { default: first } = await import("package");`.
  const STATIC = /^import (?:([^"';]*) from )?"([^"]+)";$/gm;
  const DYNAMIC = /^\s*const (\{.*\}) = await import\("([^"]+)"\);$/gm;
  for (const { text } of outputFiles) {
    for (const [, clause = '', specifier] of [...text.matchAll(STATIC), ...text.matchAll(DYNAMIC)]) {
      if (specifier.startsWith('node:') || UNBUNDLED.includes(specifier)) continue;
      const names = found.get(specifier) ?? new Set();
      for (const name of namesOf(clause)) names.add(name);
      found.set(specifier, names);
    }
  }
  return found;
}

/** Returns the exports that an import's clause names. */
function namesOf(clause) {
  if (clause.includes('*')) throw new Error(`Import by name, so that only what is used is bundled: ${clause}`);
  const [, defaultName, named = ''] = /^(\w*),?\s*(?:\{(.*)\})?$/s.exec(clause);
  const names = named.split(',').map(name => name.trim().split(/ as |: /)[0]);
  return [...(defaultName === '' ? [] : ['default']), ...names.filter(name => name !== '')];
}

/** Makes each entry point a module that exports what the program imports from the specifier. */
function loadEntryPoints({ onResolve, onLoad }) {
  onResolve({ filter: /.*/ }, ({ kind, path }) =>
    // The extension makes esbuild treat imports of CommonJS modules as Node does; the file need not exist.
    kind === 'entry-point' ? { path: join(ROOT, `dist/${fileOf(path)}.mjs`), pluginData: path } : undefined,
  );
  onLoad({ filter: /\.mjs$/ }, ({ pluginData: specifier }) => {
    if (specifier === undefined) return undefined;
    const names = [...imports.get(specifier)];
    const contents =
      names.length === 0 ? `import '${specifier}';` : `export { ${names.join(', ')} } from '${specifier}';`;
    return { contents, resolveDir: ROOT };
  });
}

/**
 * Uses the ES modules of class-validator, because its CommonJS modules load all validators, and with them the
 * metadata of all telephone numbers. type-graphql would load them too, but only for a schema without `validateFn`.
 */
function loadValidatorsInUse({ onResolve, resolve }) {
  onResolve({ filter: /^class-validator$/ }, ({ kind, path, resolveDir }) =>
    kind === 'dynamic-import'
      ? { path, external: true }
      : resolve('class-validator/esm5/index.js', { kind, resolveDir }),
  );
}

/**
 * Leaves out what the gateway does not use: all of undici but its agent and connector, all languages of zod but one,
 * what fastify needs for JSON schemas and injected requests, what @fastify/compress needs for unknown types and for
 * older versions of Node, the parts of prom-client for push gateways and summaries, and Apollo's reports.
 */
function leaveOutUnusedParts({ onResolve, onLoad }) {
  onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'node:stream', external: true }));
  onLoad({ filter: /mime-db\/index\.js$/ }, () => ({ contents: 'module.exports = {};' }));
  onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, namespace: 'agent' }));
  onLoad({ filter: /.*/, namespace: 'agent' }, () => ({
    contents: [
      "exports.Agent = require('./node_modules/undici/lib/dispatcher/agent.js');",
      "exports.buildConnector = require('./node_modules/undici/lib/core/connect.js');",
    ].join('\n'),
    resolveDir: ROOT,
  }));
  onResolve({ filter: /^(?:@fastify\/(?:ajv|fast-json-stringify)-compiler|light-my-request)$/ }, ({ path }) => ({
    path,
    namespace: 'left-out',
  }));
  onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
    contents: `module.exports = () => () => { throw new Error('${path} is not part of the bundle.'); };`,
  }));
  // Without exemplars, prom-client uses no traces.
  onResolve({ filter: /^@opentelemetry\/api$/ }, ({ importer, path }) =>
    importer.includes('/prom-client/') ? { path, namespace: 'empty' } : undefined,
  );
  // Both are disabled. Their packages require graphql as a CommonJS module.
  onResolve({ filter: /^\.\/plugin\/(?:usage|schema)Reporting\/index\.js$/ }, ({ path }) => ({
    path,
    namespace: 'empty',
  }));
  onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: '' }));
  onLoad({ filter: /prom-client\/lib\/(?:pushgateway|summary)\.js$/ }, () => ({ contents: '' }));
  onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: "export { default as en } from './en.js';" }));
}

/** Makes Apollo use Node's hashes. Without `module.require`, as in a bundle, it would use those of sha.js. */
function useNodeCrypto({ onResolve, onLoad }) {
  onResolve({ filter: /^sha\.js$/ }, ({ path }) => ({ path, namespace: 'node-crypto' }));
  onLoad({ filter: /.*/, namespace: 'node-crypto' }, () => ({
    contents: "module.exports = require('node:crypto').createHash;",
  }));
}

/** Uses the ES modules of graphql, which start sooner, because each importer of a CommonJS module copies its exports. */
function useModulesOfGraphql({ onResolve, resolve }) {
  onResolve({ filter: /^graphql(?:\/.*)?$/ }, ({ kind, path, resolveDir, pluginData }) => {
    if (pluginData === RESOLVED) return undefined;
    const [, file = '/index.js'] = /^graphql(\/.*)?$/.exec(path);
    return resolve(`graphql${file.replace(/(?:\.js)?$/, '.mjs')}`, { kind, resolveDir, pluginData: RESOLVED });
  });
}

function writePackage(name) {
  const files = specifiers.filter(specifier => packageOf(specifier) === name);
  const exports = Object.fromEntries(
    files.map(specifier => [`.${specifier.slice(name.length)}`, `.${fileOf(specifier).slice(name.length)}.mjs`]),
  );
  mkdirSync(join(TARGET, name), { recursive: true });
  writeFileSync(join(TARGET, name, 'package.json'), JSON.stringify({ name, exports }));
}

function packageOf(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function fileOf(specifier) {
  return specifier === packageOf(specifier) ? `${specifier}/index` : specifier;
}
