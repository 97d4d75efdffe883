import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { PACKAGE } from './helpers/documents.js';

it('the generated files are those of schema.graphql; after a change run `npm run generate`', async () => {
  const { generateFiles } = await import(join(PACKAGE, 'codegen.mjs'));
  const files = Object.entries((await generateFiles()) as Record<string, string>);
  assert.equal(files.length, 3);
  for (const [path, text] of files) assert.equal(readFileSync(path, 'utf8'), text, path);
});
