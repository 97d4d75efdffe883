import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, it } from '@jest/globals';
import { proveRandomFaults, RANDOM_FAULTS_TIMEOUT_MS } from './helpers/random-faults.js';

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it(
  'creates through one gateway on a folder end without a duplicate and without a lie, whatever DLI and the gateway suffer',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'random-faults-'));
    folders.push(folder);
    await proveRandomFaults('one gateway on a folder', 1, { DATA_DIR: folder });
  },
  RANDOM_FAULTS_TIMEOUT_MS,
);
