import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

// Bundles the packages that the built program imports into dist/node_modules, where Node looks first: to find
// and compile their 800 files takes more than half of the time that a start takes.

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAMS = ['src/main.ts', 'src/emulator/main.ts', 'src/graphql/print-schema.ts'];
const TARGET = join(ROOT, 'dist/node_modules');
// lmdb looks for its native part beside its own files; the page of GraphiQL is one file of 9 MB already.
const UNBUNDLED = ['lmdb', '@graphql-yoga/render-graphiql'];
// Packages that are CommonJS modules call require.
const REQUIRE = "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);";

rmSync(TARGET, { recursive: true, force: true });
const specifiers = await findImports();
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
  banner: { js: REQUIRE },
  plugins: [{ name: 'entry-points', setup: loadEntryPoints }],
});
for (const name of new Set(specifiers.map(packageOf))) writePackage(name);

/** Returns every specifier by which the program imports from a package, such as `@apollo/server/errors`. */
async function findImports() {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: PROGRAMS,
    outdir: TARGET,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    metafile: true,
    write: false,
  });
  const imports = Object.values(metafile.inputs).flatMap(input => input.imports);
  // `<runtime>` is esbuild's own code for decorators.
  const packages = imports.filter(({ external, path }) => external && !/^(?:node:|<)/.test(path));
  return [...new Set(packages.map(({ path }) => path))].filter(path => !UNBUNDLED.includes(path)).sort();
}

/** Makes each entry point a module that exports what Node would export for the specifier. */
function loadEntryPoints({ onResolve, onLoad }) {
  onResolve({ filter: /.*/ }, ({ kind, path }) =>
    // The extension makes esbuild treat imports of CommonJS modules as Node does; the file need not exist.
    kind === 'entry-point' ? { path: join(ROOT, `dist/${fileOf(path)}.mjs`), pluginData: path } : undefined,
  );
  onLoad({ filter: /\.mjs$/ }, async ({ pluginData: specifier }) => {
    if (specifier === undefined) return undefined;
    // Node 24 has an export of this name for every CommonJS module.
    const names = Object.keys(await import(specifier)).filter(name => name !== 'module.exports');
    const isForSideEffects = names.length === 0;
    const contents = isForSideEffects
      ? `import '${specifier}';`
      : `export { ${names.join(', ')} } from '${specifier}';`;
    return { contents, resolveDir: ROOT };
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
