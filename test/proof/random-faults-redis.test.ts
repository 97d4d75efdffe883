import { it } from '@jest/globals';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { CLASSIC } from './helpers/classic-kind.js';
import { createCount, randomFaultsTimeoutMs, runRandomFaults } from './helpers/random-faults.js';

const CREATES = createCount(40, 400);

describeWithProgram('redis-server', 'creates through two gateways that share Redis', program => {
  it(
    'have no duplicates and no wrong answers despite random faults and crashes',
    async () => {
      const { url } = await startRedisServer(program);
      await runRandomFaults({
        kind: CLASSIC,
        title: 'two gateways that share Redis',
        creates: CREATES,
        gateways: 2,
        store: { REDIS_URL: url },
      });
    },
    randomFaultsTimeoutMs(CREATES),
  );
});
