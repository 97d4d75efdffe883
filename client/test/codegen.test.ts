import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import type { ApolloLink, DocumentNode } from '@apollo/client';
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import type { CodegenConfig } from '@graphql-codegen/cli';
import { generate } from '@graphql-codegen/cli';
import { possibleTypes } from 'dli-gateway-client';
import { PACKAGE, readBlocks } from './helpers/documents.js';
import { startStack } from './helpers/stack.js';

const FOLDER = join(PACKAGE, 'build/codegen');
const SOURCE = `import { graphql } from './gql/index.js';
import type { ListQuery } from './gql/graphql.js';

export const List = graphql(\`query List { datasourceConnections { items { id createdAt ... on ClassicDatasourceConnection { name } } } }\`);

// Fails to compile if the type of DateTime is unknown.
export const timeOf = (data: ListQuery): string | null | undefined => data.datasourceConnections.items[0]?.createdAt;
`;
const [CONFIG = '', LINK = ''] = readBlocks('docs/clients.md')
  .filter(({ title }) => title === 'Code generation')
  .map(({ code }) => code);

/** The recipe of the documents, without one of its lines. */
async function recipeWithout(line: RegExp): Promise<CodegenConfig> {
  const file = join(FOLDER, `codegen-${line.source.length}.mjs`);
  const text = CONFIG.replace(line, '');
  assert.notEqual(text, CONFIG);
  writeFileSync(file, text);
  return (await import(file)).default;
}

/** Generates and compiles the page; returns its document. */
async function buildPage(name: string, config: CodegenConfig): Promise<DocumentNode> {
  const cwd = join(FOLDER, name);
  mkdirSync(join(cwd, 'src'), { recursive: true });
  copyFileSync(join(PACKAGE, '../schema.graphql'), join(cwd, 'schema.graphql'));
  writeFileSync(join(cwd, 'src/page.ts'), SOURCE);
  // Node needs the extensions that bundlers do not.
  await generate({ ...config, cwd, silent: true, emitLegacyCommonJSImports: false }, true);
  const options = [
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--skipLibCheck',
    '--types',
    'node',
    '--ignoreConfig',
  ];
  await promisify(execFile)(join(PACKAGE, 'node_modules/.bin/tsc'), [...options, 'src/page.ts'], { cwd });
  return (await import(join(cwd, 'src/page.js'))).List;
}

async function namesShown(link: ApolloLink, query: DocumentNode): Promise<unknown> {
  const client = new ApolloClient({ link, cache: new InMemoryCache({ possibleTypes }) });
  const { data } = await client.query<{ datasourceConnections: { items?: { name?: string }[] } }>({ query });
  return data?.datasourceConnections.items?.map(({ name }) => name);
}

it('the recipe works, with and without persisted documents, because these contain __typename', async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const [plain, persisted, empty] = await Promise.all([
    buildPage('plain', await recipeWithout(/presetConfig:.*/)),
    buildPage('persisted', await recipeWithout(/\/\/ of this repository/)),
    buildPage('empty', await recipeWithout(/documentTransforms:.*/)),
  ]);

  const manifestOf = (name: string) => join(FOLDER, name, 'src/gql/persisted-documents.json');
  const manifest = { ...readJson(manifestOf('persisted')), ...readJson(manifestOf('empty')) };
  writeFileSync(join(FOLDER, 'manifest.json'), JSON.stringify(manifest));
  const open = await startStack();
  const trusting = await startStack({ TRUSTED_DOCUMENTS: join(FOLDER, 'manifest.json') });
  for (const stack of [open, trusting]) await stack.seed({ name: 'shown' });
  const file = join(FOLDER, 'link.mjs');
  writeFileSync(file, LINK.replace('http://127.0.0.1:4000/graphql', trusting.url));
  const { link } = (await import(file)) as { link: ApolloLink };

  assert.deepEqual(await namesShown(new HttpLink({ uri: open.url }), plain), ['shown']);
  assert.deepEqual(await namesShown(link, persisted), ['shown']);
  // What the transform is for.
  assert.notDeepEqual(await namesShown(link, empty), ['shown']);
});

function readJson(path: string): object {
  return JSON.parse(readFileSync(path, 'utf8'));
}
