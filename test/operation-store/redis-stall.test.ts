import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { SYSTEM_CLOCK } from '../../src/lib/time.js';
import { RedisStore } from '../../src/operation-store/redis-store.js';
import { clientsOf } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import type { HealthLine } from './helpers/store-health.js';
import { createStoreHealth } from './helpers/store-health.js';

const ID = 'a'.repeat(64);
const LONGER_THAN_TIMEOUT_MS = 300;

describeWithProgram(
  'redis-server',
  'a gateway that was busy for longer than the timeout of a Redis command',
  program => {
    it('uses the response that arrived in the meantime', async () => {
      const { url } = await startRedisServer(program);
      const lines: HealthLine[] = [];
      const store = await RedisStore.connect(clientsOf(url), createStoreHealth(lines), SYSTEM_CLOCK);
      // Like a request, runs in an I/O callback, after which timers fire before the next I/O.
      await readFile('/etc/hostname');
      const found = store.find(ID, Date.now());
      const endMs = performance.now() + LONGER_THAN_TIMEOUT_MS;
      while (performance.now() < endMs);
      await expect(found).resolves.toEqual({ kind: 'absent' });
      expect(lines).toEqual([]);
      await store.close();
    });
  },
);
