import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PACKAGE, readBlocks } from './helpers/documents.js';
import type { Stack } from './helpers/stack.js';
import { startStack } from './helpers/stack.js';

const MAX_BYTES = 30_000;
const MAX_LINES = 15;
const run = promisify(execFile);

let stack: Stack;
let packed: { size: number; files: { path: string }[] };
/** A project that has installed the packed package. */
let project: string;
before(async () => {
  // For so long nobody else may take up the create of a gateway that was killed.
  stack = await startStack({ OPERATION_TIMEOUT_MS: '5000' });
  project = mkdtempSync(join(tmpdir(), 'dli-gateway-client-'));
  process.once('exit', () => rmSync(project, { recursive: true, force: true }));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: PACKAGE });
  const [result] = JSON.parse(stdout) as { filename: string; size: number; files: { path: string }[] }[];
  assert.ok(result);
  packed = result;
  const folder = join(project, 'node_modules/dli-gateway-client');
  mkdirSync(folder, { recursive: true });
  await run('tar', ['-xzf', join(project, result.filename), '-C', folder, '--strip-components=1']);
  symlinkSync(join(PACKAGE, 'node_modules/graphql'), join(project, 'node_modules/graphql'));
});

it('is a small package of modules and types, without install scripts', async () => {
  assert.ok(packed.size < MAX_BYTES, `${packed.size} bytes`);
  const others = packed.files.map(({ path }) => path).filter(path => !/^dist\/.+(\.js|\.d\.ts)$/.test(path));
  assert.deepEqual(others.toSorted(), ['README.md', 'package.json']);
});

it('creates one connection, follows it and deletes it, while the gateway is killed and restarted', async () => {
  const [code = ''] = readBlocks('client/README.md').map(block => block.code);
  assert.ok(code.trimEnd().split('\n').length < MAX_LINES);
  const file = join(project, 'script.mjs');
  writeFileSync(file, code.replace('http://127.0.0.1:4000/graphql', stack.url));
  await stack.fault({ operation: 'createConnection', behaviour: 'hang', apply: true });
  const script = run(process.execPath, [file]);
  while ((await stack.ledger('createConnection')).length === 0) await delay(20);
  await stack.restart();

  assert.equal((await script).stdout, 'ACTIVE\nDeleteDatasourceConnectionSuccess\n');
  const created = await stack.ledger('createConnection');
  const deleted = await stack.ledger('deleteConnection');
  assert.equal(created.length, 1);
  assert.deepEqual(
    deleted.map(entry => entry.appliedConnectionId),
    created.map(entry => entry.appliedConnectionId),
  );
});
