import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, it } from 'node:test';
import { promisify } from 'node:util';
import { PACKAGE, readBlocks } from './helpers/documents.js';
import type { Stack } from './helpers/stack.js';
import { startStack } from './helpers/stack.js';

const FOLDER = join(PACKAGE, 'build/examples');
const PROGRAMS = new Map([
  ['js', { program: process.execPath, extension: 'mjs' }],
  ['python', { program: 'python3', extension: 'py' }],
]);
const EXAMPLES = ['docs/clients.md', 'client/README.md']
  .flatMap(document => readBlocks(document).map(block => ({ ...block, document })))
  .flatMap(block => {
    const how = PROGRAMS.get(block.language);
    return how === undefined || block.output === undefined ? [] : [{ ...block, ...how }];
  });

let stack: Stack;
before(async () => {
  stack = await startStack();
  // A connection can be deleted as soon as it is created.
  await stack.settings({ creationMs: 0 });
  mkdirSync(FOLDER, { recursive: true });
});

it('there are examples', () => assert.ok(EXAMPLES.length >= 6));

for (const [index, { document, title, program, extension, code, output }] of EXAMPLES.entries())
  it(`${document} prints what its example prints: ${title}`, async () => {
    const file = join(FOLDER, `${index}.${extension}`);
    writeFileSync(file, code.replaceAll('http://127.0.0.1:4000/graphql', stack.url));
    assert.equal((await promisify(execFile)(program, [file])).stdout, output);
  });
