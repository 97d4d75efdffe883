import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, it } from '@jest/globals';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { checkBindings } from './helpers/bindings-verdict.js';
import { ENHANCED } from './helpers/enhanced-kind.js';
import { createCount, randomFaultsTimeoutMs, runRandomFaults } from './helpers/random-faults.js';

const TITLE = 'enhanced connections, one gateway with LMDB';
const CREATES = createCount(20, 200);

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it(
  'creates of enhanced connections through one gateway with LMDB bind only what was asked for, and answer truthfully, despite random faults and crashes',
  async () => {
    const folder = await mkdtemp(join(QUICK_FOLDER, 'dli-gateway-random-faults-'));
    folders.push(folder);
    const store = { DATA_DIR: folder };
    const run = await runRandomFaults({ kind: ENHANCED, title: TITLE, creates: CREATES, gateways: 1, store });
    await checkBindings(TITLE, run);
  },
  randomFaultsTimeoutMs(CREATES),
);
