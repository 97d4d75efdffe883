import { it } from '@jest/globals';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { checkBindings } from './helpers/bindings-verdict.js';
import { ENHANCED } from './helpers/enhanced-kind.js';
import { createCount, randomFaultsTimeoutMs, runRandomFaults } from './helpers/random-faults.js';

const TITLE = 'enhanced connections, two gateways that share Redis';
const CREATES = createCount(20, 200);

describeWithProgram(
  'redis-server',
  'creates of enhanced connections through two gateways that share Redis',
  program => {
    it(
      'bind only what was asked for, and answer truthfully, despite random faults and crashes',
      async () => {
        const { url } = await startRedisServer(program);
        const store = { REDIS_URL: url };
        const run = await runRandomFaults({ kind: ENHANCED, title: TITLE, creates: CREATES, gateways: 2, store });
        await checkBindings(TITLE, run);
      },
      randomFaultsTimeoutMs(CREATES),
    );
  },
);
