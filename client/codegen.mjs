import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { generate } from '@graphql-codegen/cli';
import { minifyIntrospectionQuery } from '@urql/introspection';
import { buildSchema, introspectionFromSchema, isAbstractType } from 'graphql';

// Generates src/generated from the gateway's schema. `npm run generate` writes it.

const HEADER = '// Written by `npm run generate`.\n';
const OUTPUT = {
  documents: pathOf('src/generated/documents.ts'),
  possibleTypes: pathOf('src/generated/possible-types.ts'),
  introspection: pathOf('src/generated/introspection.ts'),
};
const CONFIG = {
  documentNodeImport: '../typed-document-node.js#TypedDocumentNode',
  scalars: { DateTime: 'string', ID: 'string' },
  strictScalars: true,
  useTypeImports: true,
  futureProofEnums: true,
};

/** The text of each generated file, by its path. */
export async function generateFiles() {
  const [documents] = await generate(
    {
      schema: pathOf('../schema.graphql'),
      documents: pathOf('src/documents.graphql'),
      silent: true,
      generates: {
        [OUTPUT.documents]: { plugins: ['typescript-operations', 'typed-document-node'], config: CONFIG },
      },
    },
    false,
  );
  const schema = buildSchema(readFileSync(pathOf('../schema.graphql'), 'utf8'));
  return {
    [OUTPUT.documents]: `${HEADER}${documents.content}`,
    [OUTPUT.possibleTypes]: `${HEADER}
/** The members of each union and interface, for \`InMemoryCache\` of Apollo Client. */
export const possibleTypes: Record<string, string[]> = ${JSON.stringify(possibleTypesOf(schema), null, 2)};
`,
    [OUTPUT.introspection]: `${HEADER}
import type { IntrospectionQuery } from 'graphql';

/** The schema in short, for \`cacheExchange\` of urql. */
export const introspection: IntrospectionQuery = JSON.parse(
  '${JSON.stringify(minifyIntrospectionQuery(introspectionFromSchema(schema)))}',
);
`,
  };
}

function possibleTypesOf(schema) {
  const types = Object.values(schema.getTypeMap()).filter(isAbstractType);
  return Object.fromEntries(types.map(type => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]));
}

function pathOf(path) {
  return fileURLToPath(new URL(path, import.meta.url));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [path, text] of Object.entries(await generateFiles())) await writeFile(path, text);
