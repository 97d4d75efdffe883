import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, it } from '@jest/globals';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { CLASSIC } from './helpers/classic-kind.js';
import { createCount, randomFaultsTimeoutMs, runRandomFaults } from './helpers/random-faults.js';

const CREATES = createCount(40, 400);

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it(
  'creates through one gateway with LMDB have no duplicates and no wrong answers despite random faults and crashes',
  async () => {
    const folder = await mkdtemp(join(QUICK_FOLDER, 'dli-gateway-random-faults-'));
    folders.push(folder);
    await runRandomFaults({
      kind: CLASSIC,
      title: 'one gateway with LMDB',
      creates: CREATES,
      gateways: 1,
      store: { DATA_DIR: folder },
    });
  },
  randomFaultsTimeoutMs(CREATES),
);
