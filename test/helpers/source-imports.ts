import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url));
const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm;
const STATEMENT = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'/g;

/** A file of `src`, for the architecture rules. */
export interface SourceFile {
  /** Relative to `src`, such as `dli/dli-client.ts`. */
  path: string;
  /** The folder of `src` it is in; for a file directly in `src` its own name. */
  folder: string;
  text: string;
  /** Its text without comments. */
  code: string;
  imports: SourceImport[];
}

/** One import or re-export. */
export interface SourceImport {
  /** Path of one of our files, relative to `src`; or the name of a package or of a module of Node. */
  target: string;
  isOurs: boolean;
  /** Whether it is erased at compile time. */
  isTypeOnly: boolean;
  /** Whether it is a dynamic `import()`. */
  isDynamic: boolean;
}

/** All files of `src`. */
export function readSource(): SourceFile[] {
  const paths = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'));
  return paths.toSorted().map(path => {
    const text = readFileSync(join(SOURCE, path), 'utf8');
    const code = text.replace(COMMENT, '');
    const found = [
      ...[...code.matchAll(STATEMENT)].map(([, type, name]) => ({
        name,
        isTypeOnly: type !== undefined,
        isDynamic: false,
      })),
      ...[...code.matchAll(DYNAMIC)].map(([, name]) => ({ name, isTypeOnly: false, isDynamic: true })),
    ];
    const imports = found.map(({ name = '', ...kind }) => {
      const isOurs = name.startsWith('.');
      const target = isOurs ? join(dirname(path), name).replace(/\.js$/, '.ts') : name;
      return { target, isOurs, ...kind };
    });
    return { path, folder: folderOf(path), text, code, imports };
  });
}

/** The files of the client package that are written by hand, by their path in `client/src`. */
export function readClientSource(): Pick<SourceFile, 'path' | 'text'>[] {
  const folder = fileURLToPath(new URL('../../client/src', import.meta.url));
  const paths = readdirSync(folder).filter(name => name.endsWith('.ts'));
  return paths.map(path => ({ path: `client/src/${path}`, text: readFileSync(join(folder, path), 'utf8') }));
}

/** The folder of `src` that a path is in; for a file directly in `src` its own name. */
export function folderOf(path: string): string {
  return path.split('/')[0] ?? path;
}
