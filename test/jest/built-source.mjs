import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/**
 * Transforms a file of `src` or `client/src` to one that exports what the built file in `dist` or `client/dist` exports,
 * which environment.mjs imports.
 */
export default {
  async processAsync(_source, path) {
    const built = relative(fileURLToPath(ROOT), path)
      .replace(/\bsrc\//, 'dist/')
      .replace(/\.ts$/, '.js');
    const url = new URL(built, ROOT).href;
    const names = Object.keys(await import(url));
    const exports = names.map(name => `export const ${name} = built.${name};`);
    return { code: [`const built = await importBuilt(${JSON.stringify(url)});`, ...exports].join('\n') };
  },
};
