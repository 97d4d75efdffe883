import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const DIST = new URL('../../dist/', import.meta.url);

/** Transforms a file of `src` to one that exports what the built file exports, which environment.mjs imports. */
export default {
  async processAsync(_source, path) {
    const url = new URL(relative(SRC, path).replace(/\.ts$/, '.js'), DIST).href;
    const names = Object.keys(await import(url));
    const exports = names.map(name => `export const ${name} = built.${name};`);
    return { code: [`const built = await importBuilt(${JSON.stringify(url)});`, ...exports].join('\n') };
  },
};
