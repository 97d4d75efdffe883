import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

// Joins the modules of each compiled program into a few files: finding and reading them takes a sixth of a start.
// The modules themselves stay in dist for the tests.

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

rmSync(join(DIST, 'chunks'), { recursive: true, force: true });
await build({
  entryPoints: [join(DIST, 'main.js'), join(DIST, 'emulator/main.js')],
  outdir: DIST,
  allowOverwrite: true,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  sourcemap: true,
  plugins: [{ name: 'type-names', setup: keepTypeNames }],
});

/**
 * Keeps the names of decorated classes, by which type-graphql and the audit log name types. esbuild renames them, and its
 * `keepNames` would also set the name of every function each time that the function is made.
 */
function keepTypeNames({ onLoad }) {
  onLoad({ filter: /\.js$/ }, async ({ path }) => {
    const source = await readFile(path, 'utf8');
    // On the same line, so that source maps stay right.
    const named = `$& static { Object.defineProperty(this, 'name', { value: '$<name>' }); }`;
    return { contents: source.replaceAll(/^let (?<name>\w+) = .*\bclass \k<name>\b.*\{$/gm, named) };
  });
}
