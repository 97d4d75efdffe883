import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, it } from '@jest/globals';
import { RANDOM_FAULTS_TIMEOUT_MS, runRandomFaults } from './helpers/random-faults.js';

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it(
  'creates through one gateway with LMDB have no duplicates and no wrong answers despite random faults and crashes',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dli-gateway-random-faults-'));
    folders.push(folder);
    await runRandomFaults('one gateway with LMDB', 1, { DATA_DIR: folder });
  },
  RANDOM_FAULTS_TIMEOUT_MS,
);
