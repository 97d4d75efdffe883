import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ConfigError, loadConfig } from '../../src/config/config.js';
import { DOCUMENTS, isInRepository, readDocument } from '../helpers/documents.js';

const PAGES = [...DOCUMENTS, 'CHANGELOG.md', 'SECURITY.md', 'examples/web/README.md'];

/** The text of a document without code blocks, in which brackets are not links and # is not a heading. */
function proseOf(path: string): string {
  return readDocument(path).replace(/^```.*?^```$/gms, '');
}

/** The anchors of a page's headings, as GitHub generates them. */
function anchorsOf(path: string): string[] {
  return [...proseOf(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The broken links of a page, among those inside the repository. */
function brokenLinksOf(path: string): string[] {
  const links = [...proseOf(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter(link => {
    if (/^https?:/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : posix.join(posix.dirname(path), file);
    return !isInRepository(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
}

/** The variables that the gateway reports as missing. */
function requiredVariables(environment: Record<string, string | undefined>): string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ key }) => key);
    throw error;
  }
}

describe('the documents', () => {
  it('are all listed, so that their examples are tested', () => {
    const names = readdirSync(new URL('../../docs/', import.meta.url)).filter(name => name.endsWith('.md'));
    const files = names.map(name => `docs/${name}`);
    expect(files.toSorted()).toEqual(DOCUMENTS.filter(path => path.startsWith('docs/')).toSorted());
  });

  it.each(PAGES)('contain no broken link: %s', path => {
    expect(brokenLinksOf(path)).toEqual([]);
  });

  it('name source files that exist', () => {
    const named = [...proseOf('docs/architecture.md').matchAll(/`([a-z-]+\/[a-z-/.]+\.ts)`/g)];
    const paths = named.map(([, path = '']) => (path.startsWith('test/') ? path : `src/${path}`));
    expect(paths.filter(path => !isInRepository(path))).toEqual([]);
  });

  it('are all linked from the README', () => {
    const readme = readDocument('README.md');
    expect(PAGES.filter(path => path !== 'README.md' && !readme.includes(`](${path})`))).toEqual([]);
  });

  it('begin with a README of less than 200 lines', () => {
    expect(readDocument('README.md').split('\n').length).toBeLessThan(200);
  });

  it('begin with a README that names every required variable', () => {
    const readme = readDocument('README.md');
    const names = ['jwt', undefined].flatMap(auth => requiredVariables({ CALLER_AUTH: auth }));
    expect(names).toEqual(expect.arrayContaining(['CALLER_AUTH', 'DLI_REGION', 'OIDC_ISSUER']));
    expect(names.filter(name => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  it('describe every variable of .env.example', () => {
    const listed = [...readDocument('.env.example').matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name = '']) => name);
    const described = new Set(readDocument('docs/configuration.md').match(/[A-Z][A-Z0-9_]+/g));
    // A variable that the changelog announces as removed may still be in the example.
    const removed = /### Removed\n(.*?)\n## /s.exec(readDocument('CHANGELOG.md'))?.[1] ?? '';
    expect(listed.filter(name => !described.has(name) && !removed.includes(name))).toEqual([]);
  });
});
