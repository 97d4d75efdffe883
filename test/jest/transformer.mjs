import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import swc from '@swc/jest';

const ROOT = new URL('../../', import.meta.url);
const PROGRAM = /^(?:client\/)?src\//;

/**
 * Compiles tests with SWC. A file of `src` or `client/src` becomes one that exports what the built file in `dist` or
 * `client/dist` exports, which environment.mjs imports. Not by two patterns in the configuration, because the folder of
 * a clone may be called `src` itself.
 */
export default {
  createTransformer(options) {
    const compiler = swc.createTransformer(options);
    return {
      processAsync(source, path, transformOptions) {
        const file = relative(fileURLToPath(ROOT), path);
        return PROGRAM.test(file) ? exportBuilt(file) : compiler.processAsync(source, path, transformOptions);
      },
    };
  },
};

async function exportBuilt(file) {
  const url = new URL(file.replace('src/', 'dist/').replace(/\.ts$/, '.js'), ROOT).href;
  const names = Object.keys(await import(url));
  const exports = names.map(name => `export const ${name} = built.${name};`);
  return { code: [`const built = await importBuilt(${JSON.stringify(url)});`, ...exports].join('\n') };
}
